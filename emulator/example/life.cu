// Conway's game of life on a torus: blocks keep a tile of the board and the cells around it in
// shared memory. An ordinary CUDA program, to try the emulator with; docs/emulator.md walks through
// it.
//
//   nvcc -std=c++20 -arch=sm_80 -lineinfo -cudart shared life.cu -o life
//   emulator/run ./life [generations] [--with-fault]
//
// --with-fault leaves the barrier out between filling a tile and counting in it.

#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

constexpr int width = 64;
constexpr int height = 24;
constexpr int tile = 8;
constexpr int rim = tile + 2;

using Board = std::vector<unsigned char>;

void check(cudaError_t code, const char* what) {
  if (code == cudaSuccess) return;
  std::fprintf(stderr, "life: %s: %s\n", what, cudaGetErrorString(code));
  std::exit(1);
}

__global__ void step(const unsigned char* board, unsigned char* next, bool with_fault) {
  __shared__ unsigned char cells[rim][rim];
  const int left = blockIdx.x * tile - 1 + width;
  const int top = blockIdx.y * tile - 1 + height;
  for (int i = threadIdx.y * tile + threadIdx.x; i < rim * rim; i += tile * tile) {
    const int x = i % rim, y = i / rim;
    cells[y][x] = board[(top + y) % height * width + (left + x) % width];
  }
  if (!with_fault) __syncthreads();
  int neighbours = 0;
  for (int y = 0; y < 3; ++y) {
    for (int x = 0; x < 3; ++x) {
      if (x == 1 && y == 1) continue;
      neighbours += cells[threadIdx.y + y][threadIdx.x + x];  // LINE with-fault
    }
  }
  const bool alive = cells[threadIdx.y + 1][threadIdx.x + 1] != 0;
  const int x = blockIdx.x * tile + threadIdx.x, y = blockIdx.y * tile + threadIdx.y;
  next[y * width + x] = neighbours == 3 || (alive && neighbours == 2) ? 1 : 0;
}

Board step_on_host(const Board& board) {
  Board next(board.size());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      int neighbours = -board[y * width + x];
      for (int dy = height - 1; dy <= height + 1; ++dy) {
        for (int dx = width - 1; dx <= width + 1; ++dx) {
          neighbours += board[(y + dy) % height * width + (x + dx) % width];
        }
      }
      next[y * width + x] = neighbours == 3 || (board[y * width + x] != 0 && neighbours == 2);
    }
  }
  return next;
}

/// Gliders, a blinker, and an R-pentomino, which goes on for a long time.
Board first_board() {
  Board board(width * height, 0);
  const auto place = [&](int x, int y, std::initializer_list<const char*> rows) {
    for (const char* const row : rows) {
      for (int i = 0; row[i] != '\0'; ++i) board[y * width + x + i] = row[i] == '#';
      ++y;
    }
  };
  place(2, 2, {" #", "  #", "###"});
  place(54, 14, {" #", "  #", "###"});
  place(10, 18, {"###"});
  place(30, 10, {" ##", "##", " #"});
  return board;
}

void print(const Board& board) {
  for (int y = 0; y < height; ++y) {
    std::string line;
    for (int x = 0; x < width; ++x) line += board[y * width + x] != 0 ? '#' : '.';
    std::printf("%s\n", line.c_str());
  }
}

int main(int argc, char** argv) {
  int generations = 60;
  bool with_fault = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--with-fault") == 0) {
      with_fault = true;
    } else {
      generations = std::atoi(argv[i]);
    }
  }
  Board expected = first_board();
  unsigned char* boards[2];
  for (unsigned char*& board : boards) check(cudaMalloc(&board, expected.size()), "cudaMalloc");
  check(cudaMemcpy(boards[0], expected.data(), expected.size(), cudaMemcpyHostToDevice), "upload");
  for (int i = 0; i < generations; ++i) {
    step<<<dim3(width / tile, height / tile), dim3(tile, tile)>>>(boards[i % 2],
                                                                  boards[(i + 1) % 2], with_fault);
    check(cudaGetLastError(), "launch");
    expected = step_on_host(expected);
  }
  Board board(expected.size());
  check(cudaMemcpy(board.data(), boards[generations % 2], board.size(), cudaMemcpyDeviceToHost),
        "download");
  for (unsigned char* const memory : boards) check(cudaFree(memory), "cudaFree");
  print(board);
  std::printf("%d generations: %s\n", generations,
              board == expected ? "as on the host" : "not as on the host");
  return board == expected ? 0 : 1;
}
