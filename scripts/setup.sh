#!/usr/bin/env bash
# Installs the Debian packages that epsim needs and this machine lacks: to build and run, with
# --with-tests to test and lint, with --with-fuzz to fuzz, with --with-bundle to make a bundle and
# prove it. Nothing missing: no apt. Not root: prints the command, exits 2.
set -euo pipefail

packages=(g++ cmake ninja-build pkg-config git libopenmpi-dev openmpi-bin libhdf5-dev libcli11-dev
    libtomlplusplus-dev libfmt-dev nlohmann-json3-dev libssl-dev libdnnl-dev ocl-icd-opencl-dev
    opencl-headers libhwloc-dev libboost-dev libzip-dev libyaml-cpp-dev zlib1g-dev libmetis-dev
    coinor-libcbc-dev)
case "${1-}" in
    "") ;;
    --with-tests)
        packages+=(libgtest-dev libgmock-dev libbenchmark-dev clang-format-16 clang-tidy-16 ccache
            python3 python3-numpy python3-h5py python3-pandas python3-xarray python3-h5netcdf
            python3-tables python3-scipy) ;;
    --with-fuzz) packages+=(clang-16 libclang-rt-16-dev libomp-16-dev) ;;
    --with-bundle)
        packages+=(libgtest-dev libgmock-dev libbenchmark-dev patchelf xz-utils debootstrap
            iproute2) ;;
    *)
        echo "epsim: unknown argument '$1' (known: --with-tests, --with-fuzz, --with-bundle)." \
            "Remove it" >&2
        exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "epsim: not a Debian system, so nothing is installed. If the configuration below fails," \
        "install your system's counterparts of: ${packages[*]}" >&2
    exit 0
fi

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
    sed -n 's/^installed //p' || true)
mapfile -t missing < <(printf '%s\n' "${packages[@]}" | grep -vxF -f <(echo "$installed") || true)
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
    printf 'epsim: packages are missing (%s). Run:\n  sudo sh -c "%s"\n' "${#missing[@]}" \
        "$install" >&2
    exit 2
fi
echo "epsim: installing ${missing[*]}" >&2
DEBIAN_FRONTEND=noninteractive sh -c "$install" >&2
