# Sourced by the other scripts. $root is the source tree; $log collects what builds print.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "$root/build"
log=$root/build/scripts.log

# quietly WHAT COMMAND...: run it with its output in the log, shown only if it fails.
quietly() {
    local what=$1
    shift
    echo "epsim: $what" >&2
    if ! "$@" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "epsim: $what failed (the end of $log is above). Correct it and start again" >&2
        exit 1
    fi
}
