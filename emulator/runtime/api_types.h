// Types of the CUDA runtime 13 as programs were compiled with, declared here so that the emulator
// builds without a toolkit. Layouts are an interface: nothing may move.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "emulator/machine/block.h"

// Entry points are the only names that leave the library.
#define LQNET_CUDA_API extern "C" __attribute__((visibility("default")))

namespace lq::emulator {

/// cudaError_t. Only what the emulator returns has a name.
enum ErrorCode : int {
  success = 0,
  invalid_value = 1,
  memory_allocation = 2,
  invalid_configuration = 9,
  invalid_pitch_value = 12,
  invalid_symbol = 13,
  invalid_device_function = 98,
  invalid_device = 101,
  no_kernel_image = 209,
  invalid_resource_handle = 400,
  illegal_state = 401,
  not_ready = 600,
  launch_out_of_resources = 701,
  launch_failure = 719,
  cooperative_launch_too_large = 720,
  not_supported = 801,
  capture_unsupported = 900,
  capture_invalidated = 901,
  capture_merge = 902,
  capture_unmatched = 903,
  capture_unjoined = 904,
  capture_isolation = 905,
  capture_implicit = 906,
  captured_event = 907,
  capture_wrong_thread = 908,
  graph_update_failure = 910,
  invalid_cluster_size = 912,
};

enum class CopyKind : int {
  host_to_host = 0,
  host_to_device = 1,
  device_to_host = 2,
  device_to_device = 3,
  by_address = 4,
};

struct Capture;
struct GraphNode;
class StreamQueue;

/// A place in the work of a stream, behind all that it was given before.
struct StreamPosition {
  std::shared_ptr<StreamQueue> queue = nullptr;  // null: nothing to wait for
  std::uint64_t index = 0;
};

struct Stream {
  unsigned flags = 0;
  int priority = 0;
  std::shared_ptr<Capture> capture = nullptr;    // null while it is not captured
  std::vector<GraphNode*> last_nodes = {};       // that its next one will depend on
  std::shared_ptr<StreamQueue> queue = nullptr;  // null as long as it has done all at once
};

/// The null stream and the two that stand for default streams have no object.
inline bool is_created(const Stream* stream) {
  return reinterpret_cast<std::uintptr_t>(stream) > 2;
}

struct Event {
  bool recorded = false;
  std::shared_ptr<std::int64_t> nanoseconds = {};  // of the last record, once it is reached
  StreamPosition position = {};                    // of that record
  std::shared_ptr<Capture> capture = nullptr;      // of the stream that it was recorded in
  std::vector<GraphNode*> last_nodes = {};         // of that stream
};

struct KernelRecord;

struct PointerAttributes {
  int type;  // 0 unregistered, 1 host, 2 device, 3 managed
  int device;
  void* device_pointer;
  void* host_pointer;
  long reserved[8];
};

struct FunctionAttributes {
  std::size_t shared_bytes;
  std::size_t constant_bytes;
  std::size_t local_bytes;
  int max_threads_per_block;
  int registers;
  int ptx_version;
  int binary_version;
  int cache_mode_ca;
  int max_dynamic_shared_bytes;
  int preferred_shared_carveout;
  int cluster_dim_must_be_set;
  int required_cluster[3];
  int cluster_scheduling_policy;
  int non_portable_cluster_size_allowed;
  int reserved[16];
};

struct LaunchAttribute {
  int id;
  alignas(8) std::byte value[64];
};

struct LaunchConfiguration {
  Dim3 grid;
  Dim3 block;
  std::size_t dynamic_shared_bytes;
  Stream* stream;
  const LaunchAttribute* attributes;
  unsigned attribute_count;
};

/// cudaKernelNodeParams.
struct KernelNodeParameters {
  void* function;
  Dim3 grid;
  Dim3 block;
  unsigned dynamic_shared_bytes;
  void** arguments;
  void** packed_arguments;
};

/// cudaMemcpy3DParms.
struct CopyParameters {
  struct Position {
    std::size_t x, y, z;
  };
  struct End {
    void* array;
    Position position;
    void* pointer;
    std::size_t pitch;
    std::size_t width;
    std::size_t height;
  };
  End from;
  End to;
  std::size_t width;
  std::size_t height;
  std::size_t depth;
  CopyKind kind;
};

/// cudaMemsetParams.
struct FillParameters {
  void* to;
  std::size_t pitch;
  unsigned value;
  unsigned element_bytes;
  std::size_t width;
  std::size_t height;
};

/// cudaGraphEdgeData: all zero for an ordinary dependency.
struct EdgeData {
  std::uint8_t bytes[8];
};

/// cudaGraphExecUpdateResultInfo.
struct UpdateInfo {
  int result;
  GraphNode* node;
  GraphNode* from_node;
};

struct MemoryLocation {
  int type;
  int id;
};

/// cudaDeviceProp; what a name does not fit is left out of the names.
struct DeviceProperties {
  char name[256];
  char uuid[16];
  char luid[8];
  unsigned luid_device_node_mask;
  std::size_t total_global_bytes;
  std::size_t shared_bytes_per_block;
  int registers_per_block;
  int warp_size;
  std::size_t most_pitch;
  int max_threads_per_block;
  int max_block[3];
  int max_grid[3];
  std::size_t constant_bytes;
  int major;
  int minor;
  std::size_t texture_alignment;
  std::size_t texture_pitch_alignment;
  int multiprocessors;
  int integrated;
  int can_map_host_memory;
  int textures_and_surfaces[39];
  std::size_t surface_alignment;
  int concurrent_kernels;
  int ecc;
  int pci[3];
  int tcc_driver;
  int async_engines;
  int unified_addressing;
  int memory_bus_width;
  int l2_bytes;
  int persisting_l2_bytes;
  int max_threads_per_multiprocessor;
  int stream_priorities;
  int global_l1_cache;
  int local_l1_cache;
  std::size_t shared_bytes_per_multiprocessor;
  int registers_per_multiprocessor;
  int managed_memory;
  int is_multi_gpu_board;
  int multi_gpu_board_group;
  int host_native_atomics;
  int pageable_memory_access;
  int concurrent_managed_access;
  int compute_preemption;
  int can_use_host_pointer_for_registered_memory;
  int cooperative_launch;
  std::size_t shared_bytes_per_block_optin;
  int pageable_access_uses_host_tables;
  int direct_managed_access_from_host;
  int max_blocks_per_multiprocessor;
  int access_policy_max_window;
  std::size_t reserved_shared_bytes_per_block;
  int host_register;
  int sparse_arrays;
  int host_register_read_only;
  int timeline_semaphores;
  int memory_pools;
  int gpu_direct_rdma;
  unsigned gpu_direct_flush_options;
  int gpu_direct_writes_ordering;
  unsigned memory_pool_handle_types;
  int deferred_mapping_arrays;
  int ipc_events;
  int cluster_launch;
  int unified_function_pointers;
  int numa_configuration;
  int numa_id;
  int mps_enabled;
  int host_numa_id;
  unsigned gpu_pci_device_id;
  unsigned gpu_pci_subsystem_id;
  int host_numa_multinode_ipc;
  int reserved[56];
};
static_assert(sizeof(DeviceProperties) == 1008 && offsetof(DeviceProperties, major) == 360 &&
              offsetof(DeviceProperties, multiprocessors) == 384 &&
              offsetof(DeviceProperties, surface_alignment) == 552 &&
              offsetof(DeviceProperties, shared_bytes_per_block_optin) == 672 &&
              offsetof(DeviceProperties, cluster_launch) == 748 &&
              offsetof(DeviceProperties, reserved) == 784);
static_assert(sizeof(KernelNodeParameters) == 56 && sizeof(CopyParameters) == 160 &&
              sizeof(FillParameters) == 40 && sizeof(UpdateInfo) == 24);
static_assert(sizeof(FunctionAttributes) == 144 && sizeof(PointerAttributes) == 88 &&
              sizeof(LaunchConfiguration) == 56 && sizeof(LaunchAttribute) == 72);

}  // namespace lq::emulator
