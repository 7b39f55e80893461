#!/usr/bin/env bash
# Makes build/epsim-bundle.tar.xz: epsim, its tests, benchmarks, scripts and configurations, Open MPI
# (shared memory, TCP), HDF5, oneDNN and every other library that they need but glibc. It runs from
# any folder of an x86-64 Linux with this machine's glibc or a newer one. CUDA's run time is inside;
# the driver, cuBLAS and NCCL are looked for where it runs.
# Usage: scripts/bundle.sh                  builds what is missing, makes the archive
#        scripts/bundle.sh --prove          the same, and runs it in a bare Debian without network;
#                                           as root
#        scripts/bundle.sh --folder FOLDER  of what is built, the folder alone
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
archive=build/epsim-bundle.tar.xz
most_bytes=$((60 << 20))
glibc='^(linux-vdso|ld-linux.*|lib(c|m|mvec|dl|pthread|rt|util|resolv|anl|nsl|nss_.*))\.so'

programs() {
    find build/epsim build/tests build/bench -maxdepth 1 -type f -executable \
        \( -name epsim -o -name 'test_*' -o -name 'mpi_test_*' -o -name '*_bench' \)
}

# What Open MPI loads at run time. Left out: networks whose libraries must be those of the machine
# (UCX, OFI, PSM, verbs), OpenSHMEM, files by MPI, and what traces or simulates.
plugins() {
    find "$(path_of pkglibdir)" -name 'mca_*.so' | grep -vE \
        'ucx|ofi|psm|openib|netlink|_(spml|scoll|sshmem|memheap|atomic)_|romio|monitoring|simulator'
}

path_of() { ompi_info --parsable --path "$1" | cut -d: -f3; }

# libraries FILE...: the paths of all shared libraries that they need, glibc's left out.
libraries() {
    ldd "$@" | awk '/=> \//{print $3}' | sort -u | while read -r path; do
        [[ $(basename "$path") =~ $glibc ]] || echo "$path"
    done
}

# copy FOLDER FILE...: what links point to, writable.
copy() {
    local folder=$1
    shift
    mkdir -p "$folder"
    cp -L "$@" "$folder"
    chmod -R u+w "$folder"
}

make_folder() {
    local to=$1 prefix program
    prefix=$(path_of prefix)
    mapfile -t programs < <(programs)
    mapfile -t plugins < <(plugins)
    local launcher=("$prefix/bin/orterun" "$prefix/bin/orted")
    mapfile -t libraries < <(libraries "${programs[@]}" "${plugins[@]}" "${launcher[@]}")

    for program in "${programs[@]}" build/tests/plugins/*.so; do
        mkdir -p "$to/$(dirname "$program")"
        strip -o "$to/$program" "$program"
    done
    copy "$to/lib" "${libraries[@]}"
    # Open MPI looks below $OPAL_PREFIX where it looked below its own prefix.
    local openmpi=$to/openmpi
    copy "$openmpi/bin" "${launcher[@]}"
    mv "$openmpi/bin/orterun" "$openmpi/bin/mpirun"
    copy "$openmpi${plugins[0]%/*}" "${plugins[@]}"
    mv "$openmpi$prefix"/* "$openmpi" && rmdir "$openmpi$prefix"
    copy "$openmpi/share/openmpi" "$(path_of pkgdatadir)"/help*.txt
    cp -r README.md LICENSE configs "$to"
    ln -s ../configs "$to/build/configs"  # where tests look
    copy "$to/scripts" scripts/{mpirun.sh,gpu-check.sh,torch_layer.py}
    write_environment >"$to/env.sh"
    relocate "$to"
}

write_environment() {
    cat <<'END'
# Sourced by scripts/mpirun.sh; by yourself (bash) where another launcher starts epsim.
bundle=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export OPAL_PREFIX=$bundle/openmpi PATH=$bundle/openmpi/bin:$PATH
export PMIX_MCA_pcompress_base_silence_warning=1  # PMIx's compression is not here
command -v ssh rsh srun >/dev/null || export OMPI_MCA_plm=isolated  # ranks on this host alone
END
}

# Every program and library looks into the folder's lib/, wherever the folder is.
relocate() {
    local file
    find "$1/build" "$1/lib" "$1/openmpi" -type f \( -perm -u+x -o -name '*.so*' \) |
        while read -r file; do
            patchelf --set-rpath "\$ORIGIN/$(realpath --relative-to="$(dirname "$file")" "$1/lib")" \
                "$file"
        done
}

make_archive() {
    local folder
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    make_folder "$folder/epsim-bundle"
    tar -C "$folder" --sort=name --owner=0 --group=0 -c epsim-bundle | xz -T0 -6 >$archive
    rm -rf "$folder"
    trap - EXIT
    local bytes
    bytes=$(stat -c %s $archive)
    echo "epsim: $archive: $((bytes / 1024)) KiB" >&2
    if [ "$bytes" -gt $most_bytes ]; then
        echo "epsim: the bundle exceeds 60 MiB. Leave something out" >&2
        exit 1
    fi
}

case "${1-}" in
    "" | --prove) [ $# -le 1 ] ;;
    --folder) [ $# -eq 2 ] ;;
    *) false ;;
esac || { echo "epsim: $* is no argument of bundle.sh (see its head). Correct it" >&2; exit 2; }
if [ "${1-}" = --folder ]; then
    make_folder "$2"
    exit
fi
scripts/setup.sh --with-bundle
quietly "configuring build/" configure release -DEPSIM_TESTS=ON -DEPSIM_BENCH=ON
quietly "building everything in build/" cmake --build build
make_archive
[ "${1-}" != --prove ] || scripts/prove_bundle.sh $archive
