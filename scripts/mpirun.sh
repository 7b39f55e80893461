#!/usr/bin/env bash
# mpirun with what Open MPI needs here: leave to run as root where we are root; an equal share of
# this machine's cores for each rank; more ranks than cores only unbound. Inside a batch allocation,
# or with a flag of your own that says where ranks go, it adds nothing but the former.
# Usage: scripts/mpirun.sh -n N PROGRAM ARGS...
set -euo pipefail
environment=$(dirname "$0")/../env.sh  # in a bundle: where its own Open MPI is
[ ! -e "$environment" ] || source "$environment"
if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

placement=()
if [ -z "${SLURM_JOB_ID-}${PBS_JOBID-}${FLUX_JOB_ID-}" ] && [ $# -ge 2 ] && [[ $1 =~ ^-(n|np)$ ]] &&
    [[ $2 =~ ^[1-9][0-9]*$ ]] && [[ ${3-} != -* ]]; then
    allowed=$(taskset -cp $$ | sed 's/.*: //')
    cores=$(lscpu -p=CPU,CORE,SOCKET | /usr/bin/awk -F, -v allowed="$allowed" '
        BEGIN { n = split(allowed, parts, ","); for (i = 1; i <= n; ++i) {
            split(parts[i], ends, "-"); last = ends[2] == "" ? ends[1] : ends[2]
            for (c = ends[1]; c <= last; ++c) usable[c + 0] = 1 } }
        !/^#/ && ($1 + 0) in usable { core[$2 "," $3] = 1 }
        END { for (c in core) ++count; print count + 0 }')
    if [ "$2" -gt "$cores" ]; then
        placement=(--oversubscribe --bind-to none)
    else
        placement=(--map-by "slot:PE=$((cores / $2))" --bind-to core)
    fi
fi

# In a session of its own, so that a terminal's Ctrl-C does not reach mpirun past the traps; it dies
# with this script. The ranks get no input.
setsid setpriv --pdeathsig KILL mpirun "${placement[@]}" "$@" </dev/null &
mpirun=$!
stop=USR1
forward() {
    kill "-$stop" "$mpirun" 2>/dev/null || true
    stop=TERM
}
trap forward TERM INT
trap 'kill -USR1 "$mpirun" 2>/dev/null || true' USR1
while kill -0 "$mpirun" 2>/dev/null; do
    wait "$mpirun" || true  # also ends with every signal
done
wait "$mpirun"
