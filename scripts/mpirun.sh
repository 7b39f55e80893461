#!/usr/bin/env bash
# mpirun with what Open MPI needs here: leave to run as root where we are root, more ranks than
# cores, no binding then, and waiting ranks that yield. Usage: scripts/mpirun.sh -n N PROGRAM ARGS...
set -euo pipefail
if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
exec mpirun --oversubscribe --bind-to none "$@"
