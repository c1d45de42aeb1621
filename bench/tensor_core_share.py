#!/usr/bin/env python3
"""Reports how much of the inner loops of the tensor-core kernels are tensor-core instructions.

Usage: bench/tensor_core_share.py print OBJECT...
       bench/tensor_core_share.py check|write docs/cuda-tensor-cores.md NVCC-VERSION OBJECT...
OBJECT is a CUDA object of a build, such as
build/release/kernels/CMakeFiles/lqnet_kernels.dir/bitconv/bitconv_tiles_cuda.cu.o, or
build/release/kernels/CMakeFiles/lqnet_kernels_sm_90a.dir/bitconv/bitconv_warpgroup_cuda_sm90a.cu.o.
`check` compares the table with the file, and ends with status 77 where that is of another compiler.
cuobjdump and nvdisasm, which the CUDA toolkit has (as do their wheels on PyPI), must be in PATH; without
them the script says so and ends with status 77.

A loop is what lies between the target of a backward branch and the branch, with no end of the kernel
between them; it is counted if it has tensor-core instructions and no smaller loop that has some. Where a
pipeline's loop also queues copies, these are part of it.
"""
import collections
import difflib
import re
import shutil
import subprocess
import sys

INSTRUCTION = re.compile(r"^\s+/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.x]*)(.*)")
TENSOR = ("BMMA", "IMMA", "BGMMA", "IGMMA")
TILE = re.compile(r"(?:tiles|warpgroup)_kernel.*?(BitconvTile|WarpgroupTile)E(\d)")
TILES = {  # enumerations of kernels/bitconv/bitconv_*_plan.h
    "BitconvTile": ("wide", "square", "small"),
    "WarpgroupTile": ("wide of a warpgroup", "narrow of a warpgroup"),
}


def functions(text):
    """Yields (architecture, name, [(address, opcode, operands)])."""
    architecture, name, body = None, None, []
    for line in text.splitlines():
        if match := re.match(r"\s*arch = (\w+)|\s*code for (\w+)", line):
            architecture = match.group(1) or match.group(2)
        elif match := re.match(r"\s+Function : (\S+)", line):
            if name:
                yield name_architecture, name, body
            name, name_architecture, body = match.group(1), architecture, []
        elif name and (match := INSTRUCTION.match(line)):
            body.append((int(match.group(1), 16), match.group(2), match.group(3)))
    if name:
        yield name_architecture, name, body


def is_tensor(opcode):
    return opcode.split(".")[0] in TENSOR


def inner_loops(body):
    loops = []
    for address, opcode, operands in body:
        target = re.search(r"0x([0-9a-f]+)", operands)
        if opcode.split(".")[0] == "BRA" and target and int(target.group(1), 16) < address:
            loops.append((int(target.group(1), 16), address))
    with_tensor = [
        loop for loop in set(loops)
        if any(loop[0] <= address <= loop[1] and is_tensor(opcode) for address, opcode, _ in body)
        and not any(loop[0] <= address <= loop[1] and opcode == "EXIT" for address, opcode, _ in body)
    ]
    return sorted(
        loop for loop in with_tensor
        if not any(other != loop and loop[0] <= other[0] and other[1] <= loop[1]
                   for other in with_tensor))


def rows_of(objects):
    rows = set()
    for path in objects:
        text = subprocess.run(["cuobjdump", "-sass", path], check=True, capture_output=True,
                              text=True).stdout
        for architecture, name, body in functions(text):
            tile = TILE.search(name)
            if not tile:
                continue
            for start, end in inner_loops(body):
                loop = [opcode for address, opcode, _ in body if start <= address <= end]
                kinds = collections.Counter(opcode.split(".")[0] for opcode in loop)
                product = next(opcode for opcode in loop if is_tensor(opcode))
                count = sum(kinds[kind] for kind in TENSOR)
                rows.add((architecture, TILES[tile.group(1)][int(tile.group(2))], product,
                          len(loop), count, kinds["LDS"], kinds["LDGSTS"] + kinds["LDG"],
                          kinds["LDL"] + kinds["STL"]))
    if not rows:
        sys.exit("no loop with tensor-core instructions found")
    return sorted(rows)


def table_of(rows):
    lines = ["| | tile | product | instructions | products | share | shared loads | copies | spills |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for architecture, tile, product, total, count, shared, copies, spills in rows:
        lines.append(f"| {architecture} | {tile} | `{product}` | {total} | {count} | "
                     f"{100 * count / total:.0f} % | {shared} | {copies} | {spills} |")
    return "\n".join(lines) + "\n"


def page_of(version, table):
    return f"""# Tensor-core instructions of the inner loops

Of the machine code that nvcc {version} makes, loop by loop: all instructions, products, loads from shared
memory, copies to it and accesses to local memory. Written by
`bench/tensor_core_share.py write`, and compared by the test `cuda.tensor_core_share` where `cuobjdump` and
`nvdisasm` are at hand. A loop is a pass over a window by one kind of product and number of planes. Loops of
tiles hold the staging of their inputs three times, for reads of 1, 2 and 4 words, of which one runs.

{table}"""


def main():
    arguments = sys.argv[1:]
    if len(arguments) < 2 or arguments[0] not in ("print", "check", "write"):
        sys.exit(__doc__)
    if not shutil.which("cuobjdump") or not shutil.which("nvdisasm"):
        print("skipped: no cuobjdump and nvdisasm in PATH")
        sys.exit(77)
    if arguments[0] == "print":
        print(table_of(rows_of(arguments[1:])), end="")
        return
    action, path, version, *objects = arguments
    if action == "write":
        with open(path, "w") as file:
            file.write(page_of(version, table_of(rows_of(objects))))
        return
    with open(path) as file:
        expected = file.read()
    if f"nvcc {version} " not in expected:
        print(f"skipped: {path} is not of nvcc {version}")
        sys.exit(77)
    rows = rows_of(objects)
    # Of the architectures that both have.
    built = {row[0] for row in rows}
    found = table_of(rows).splitlines(True)
    lines = [line for line in expected.splitlines(True)
             if line.startswith("|") and (not line.startswith("| sm_") or line.split()[1] in built)]
    recorded = {line.split()[1] for line in lines if line.startswith("| sm_")}
    found = [line for line in found if not line.startswith("| sm_") or line.split()[1] in recorded]
    if found != lines:
        sys.stdout.writelines(difflib.unified_diff(lines, found, path, "this build"))
        sys.exit(f"{path} differs from this build; write it anew")


if __name__ == "__main__":
    main()
