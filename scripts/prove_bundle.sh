#!/usr/bin/env bash
# Runs a bundle where nothing else is: in a bare Debian 12 without network, MPI, HDF5 or Python. As
# root. The bare Debian is made once, in build/bare-root (some two minutes, from the network).
# Usage: scripts/prove_bundle.sh ARCHIVE
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
archive=$(realpath "${1:?"names no archive"}")
bare=$root/build/bare-root

if [ "$(id -u)" -ne 0 ]; then
    echo "epsim: a bare root needs root (chroot, namespaces). Run this as root" >&2
    exit 2
fi
"$root/scripts/setup.sh" --with-bundle
if [ ! -d "$bare" ]; then
    quietly "making a bare Debian in build/bare-root" \
        debootstrap --variant=minbase bookworm "$bare.part" http://deb.debian.org/debian
    mv "$bare.part" "$bare"
fi
rm -rf "$bare/opt/epsim-bundle"
tar -C "$bare/opt" -xf "$archive"

# in_bare COMMANDS: with these namespaces alone, all mounts go with the last process.
in_bare() {
    unshare --net --mount --pid --fork bash -euc '
        ip link set lo up
        mount -t proc proc "$1/proc"
        mount -t sysfs -o ro sys "$1/sys"
        mount -t tmpfs shm "$1/dev/shm"
        exec chroot "$1" env -i HOME=/root PATH=/usr/sbin:/usr/bin bash -euc "cd /opt/epsim-bundle
            $2"' - "$bare" "$1"
}

echo "epsim: the programs in the bare root" >&2
in_bare '
    if command -v mpirun || command -v python3; then exit 1; fi
    build/epsim info
    status=0
    scripts/mpirun.sh -n 1 build/epsim run --config configs/quickstart.toml --device=cuda ||
        status=$?
    [ $status -eq 2 ]
    build/epsim trace generate zipf --num-experts 16 --top-k 2 --steps 2 -o t.h5
    scripts/mpirun.sh -n 2 build/epsim run --routing.trace=t.h5 --model.hidden=64 \
        --model.expert_intermediate=96 --output.dir=run
    build/epsim verify run
    source env.sh
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        build/epsim run --config configs/quickstart.toml --output.dir=alone >/dev/null'
echo "epsim: every test program in the bare root" >&2
in_bare '
    failed=0
    check() {
        "$@" --gtest_brief=1 >log 2>&1 || { echo "failed: $*"; cat log; failed=1; }
    }
    for test in build/tests/test_*; do check $test; done
    for test in build/tests/mpi_test_*; do check scripts/mpirun.sh -n 2 $test; done
    echo "$(ls build/tests/*test_* | wc -l) test programs ran, failed: $failed"
    exit $failed'
echo "epsim: the script for GPUs, on the host, in the bare root" >&2
in_bare 'scripts/gpu-check.sh out --device=cpu >log 2>&1 || { cat log; exit 1; }
    cat out/summary.txt'
rm -rf "$bare/opt/epsim-bundle"
