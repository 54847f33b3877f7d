#!/bin/sh
# Builds the probe for aarch64 and runs it under qemu: how the NEON variant is tested where no such
# processor is. Prints what the probe prints, on a processor that has all and on an early one without
# dot products of bytes alike: else ends with 1. The argument is the number of threads, or --check, which
# only says whether the tools are there. Ends with 77 if one is missing.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
kernels=$here/../../Sources/CKernels
target=aarch64-linux-gnu

missing() {
  echo "the kernels' probe for aarch64 needs $1; on Debian: apt-get install $2" >&2
  exit 77
}

# Swift's own clang does as well as the system's.
swift=$(command -v swift || true)
clang=$(command -v clang || true)
[ -n "$clang" ] || [ -z "$swift" ] || clang=$(dirname "$(readlink -f "$swift")")/clang
[ -n "$clang" ] && [ -x "$clang" ] || missing "clang" "clang"
qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) \
  || missing "qemu-aarch64" "qemu-user"
command -v $target-gcc >/dev/null || missing "a linker for aarch64" "gcc-$target"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo '#include <math.h>
int main(int count, char **x) { return x[0][0] == 0 && sqrt(count) > 1; }' > "$work/check.c"
{ "$clang" --target=$target -c "$work/check.c" -o "$work/check.o" \
  && $target-gcc -static "$work/check.o" -o "$work/check" -lm && "$qemu" "$work/check"; } \
  > "$work/log" 2>&1 || {
  cat "$work/log" >&2
  missing "the C library for aarch64" "libc6-dev-arm64-cross"
}
[ "${1:-}" != --check ] || exit 0

# As Package.swift compiles them.
for file in "$kernels"/*.c "$here"/*.c; do
  "$clang" --target=$target -std=gnu11 -O3 -ffp-contract=off -Wall -Wextra -I"$kernels/include" \
    -c "$file" -o "$work/$(basename "$(dirname "$file")")-$(basename "$file").o"
done
$target-gcc -static "$work"/*-*.o -o "$work/probe" -lm -lpthread
"$qemu" "$work/probe" "${1:-1}" > "$work/all"
"$qemu" -cpu cortex-a53 "$work/probe" "${1:-1}" > "$work/early"
cmp "$work/all" "$work/early" >&2
cat "$work/all"
