/* The exchange plugin interface of epsim, version 1: all that the author of a communication library
 * needs to have it measured. Plain C; include nothing else of epsim.
 *
 * A plugin is a shared library that exports one function, epsim_exchange_plugin(), which returns a
 * table of functions. epsim routes tokens, makes the plans, permutes rows, computes experts, times
 * every phase and checks every row; the plugin moves rows between ranks:
 *
 *     cc -shared -fPIC -O2 -I <epsim>/src/exchange/plugin my_plugin.c -o my_plugin.so -l...
 *     scripts/mpirun.sh -n 8 build/epsim run ... \
 *         --exchange.backend=plugin --exchange.plugin=my_plugin.so
 *
 * Rules
 * - One process is one rank. Rank r is rank r of MPI_COMM_WORLD. A plugin may use the MPI that
 *   epsim was built with (initialised, MPI_THREAD_FUNNELED) on a duplicate of a communicator; it
 *   need not use MPI at all: create() is given an all-gather to exchange addresses with.
 * - epsim calls from one thread, one call at a time. create, all_to_all, all_to_all_rows and
 *   destroy are collective: all ranks make the same calls in the same order (alloc and free are
 *   not). A call returns when its rank has all that it receives and may overwrite what it sent;
 *   other ranks may still be inside. A plugin may have threads of its own.
 * - Memory is host memory. Pointers are only valid during the call that is given them, unless a
 *   comment says otherwise. Where there are no rows, a pointer to rows may be NULL.
 * - A function that returns int returns 0 on success. After anything else epsim asks last_error()
 *   for a text to show, and ends the run with it (exit status 2 after create, otherwise 1).
 * - Nothing shields epsim from a plugin: it must not exit, throw or longjmp out of a call, and a
 *   crash in it (SIGSEGV) takes its rank down and the job with it. A call that never returns ends
 *   the job after --measure.stall_s.
 * - The library stays loaded until the process ends. destroy is called where a run ends in order,
 *   on every rank; not where a job fails, or where create failed on another rank: what outlives a
 *   process, such as the name of a shared memory segment, is best removed in create, once every
 *   rank has it open.
 *
 * What is measured: the phase `counts` holds one all_to_all and one all_to_all_rows in lane 0,
 * `dispatch` and `combine` one all_to_all_rows each in lanes 1 and 2. Warm-up passes come first:
 * what a plugin allocates, registers or connects on first use is then done. Bytes on the wire,
 * lower bounds and waits are those of a plain all-to-all (each row once, straight to its
 * destination; all ranks wait for each other), whatever the plugin does inside.
 *
 * What is checked: every row is compared with where it had to arrive and come back; a plugin that
 * loses, changes or swaps rows ends the run with exit status 3.
 *
 * tests/exchange/plugin/sample_plugin.c of the source tree is a complete plugin.
 */
#ifndef EPSIM_EXCHANGE_H
#define EPSIM_EXCHANGE_H

/* NOLINTBEGIN: C, not C++ */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when a plugin built for another version could not be used. */
#define EPSIM_EXCHANGE_ABI_VERSION 1

/* What moves in all_to_all_rows: each lane has receive memory of its own. */
enum {
    EPSIM_LANE_METADATA = 0, /* 8 bytes a row: its expert slot and gate weight */
    EPSIM_LANE_DISPATCH = 1, /* rows to the experts */
    EPSIM_LANE_COMBINE = 2,  /* rows back to where their tokens are */
    EPSIM_LANE_COUNT = 3
};

/* What create() is told. Valid until destroy() returns. */
typedef struct epsim_exchange_world {
    uint32_t abi_version; /* EPSIM_EXCHANGE_ABI_VERSION of this epsim */
    uint32_t size;        /* sizeof(epsim_exchange_world) of this epsim: fields are only appended */
    int32_t rank;         /* of this process: 0 .. ranks - 1 */
    int32_t ranks;
    int32_t const *node_of; /* [ranks] number of the node that each rank is on: by host name, or as
                               cluster.ranks_per_node says */
    int32_t local_rank;     /* of this process among the ranks of its node, by rank */

    /* Out of band, for bootstrapping: `bytes` bytes of every rank, in the order of ranks, into
     * `all` [ranks * bytes]. Collective, all ranks giving the same `bytes`; only inside create(),
     * as often as needed. Returns 0, or another value where a rank has failed, or has returned
     * from create(): then create() must fail here too. */
    int (*all_gather)(void *context, void const *mine, size_t bytes, void *all);
    void *context; /* first argument of all_gather */
} epsim_exchange_world;

typedef struct epsim_exchange_table {
    uint32_t abi_version; /* EPSIM_EXCHANGE_ABI_VERSION that the plugin was built with */
    uint32_t size;        /* sizeof(epsim_exchange_table) that the plugin was built with */
    char const *name;     /* of the library, for the result file: "acme-ep" */
    char const *version;  /* of the library: "1.2" */

    /* Make one rank's end of the exchange: *instance is handed to all other functions. After a
     * failure nothing of it is used. */
    int (*create)(epsim_exchange_world const *world, void **instance);
    void (*destroy)(void *instance);

    /* What the last failed call of this process was about, valid until the next call. After create
     * has failed, instance is NULL. */
    char const *(*last_error)(void *instance);

    /* receive[s] on rank r = send[r] on rank s; both [ranks]. */
    int (*all_to_all)(void *instance, int32_t const *send, int32_t *receive);

    /* Rows send_offset[r] .. send_offset[r + 1] - 1 of `send` go to rank r, this rank included, and
     * arrive there, in order, from row receive_offset[s] of `receive` on, s being the sender.
     * Offsets [ranks + 1] are in rows, begin with 0 and never fall; both ends know how many rows go
     * from one to the other, which may be none, or all. row_bytes >= 1; `receive` is aligned to 64
     * bytes; `send` is epsim's memory, seldom the same as in the call before. */
    int (*all_to_all_rows)(void *instance, int32_t lane, void const *send,
                           int64_t const *send_offset, void *receive,
                           int64_t const *receive_offset, int64_t row_bytes);

    /* Optional, both or neither (NULL): memory to receive into, for example registered memory,
     * aligned to 64 bytes; alloc returns NULL on failure. Not collective. Called before the
     * all_to_all_rows that needs more than a lane had so far, with some head room; everything is
     * freed before destroy. Without them epsim allocates. */
    void *(*alloc)(void *instance, int32_t lane, size_t bytes);
    void (*free)(void *instance, void *memory);
} epsim_exchange_table;

/* The one symbol that a plugin exports. The table lives as long as the library is loaded. */
__attribute__((visibility("default"))) epsim_exchange_table const *epsim_exchange_plugin(void);

#ifdef __cplusplus
}
#endif
/* NOLINTEND */

#endif
