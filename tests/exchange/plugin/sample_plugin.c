/* A complete exchange plugin: ranks of one host meet in POSIX shared memory. Every rank publishes
 * what it sends in a segment of its own, all meet, every rank copies its share out of the others'
 * segments, all meet again. Written to be read, not to be fast. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "epsim_exchange.h"

static char error_text[256]; /* one thread calls: one text is enough */

static int fail(char const *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error_text, sizeof(error_text), format, arguments);
    va_end(arguments);
    return 1;
}

/* The first bytes of rank 0's segment: where all ranks meet. */
struct meeting {
    atomic_int arrived;
    atomic_int round;
};

/* A segment: the meeting, how long it is, then [ranks + 1] offsets and the rows they speak of. */
struct segment {
    struct meeting meeting;
    atomic_llong bytes;
    int64_t offset[];
};

struct peer {
    int file;
    size_t mapped; /* bytes of its segment that this process sees */
    struct segment *segment;
};

struct instance {
    int rank, ranks;
    struct peer *peer; /* [ranks] */
    int64_t *count_offset; /* [ranks + 1] 0, 1, 2 ...: one count a rank */
};

/* See the first `bytes` of a peer's segment. */
static int map(struct peer *peer, size_t bytes) {
    if (bytes <= peer->mapped) return 0;
    if (peer->segment) munmap(peer->segment, peer->mapped);
    peer->segment = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, peer->file, 0);
    if (peer->segment == MAP_FAILED) {
        peer->segment = NULL;
        peer->mapped = 0;
        return fail("mmap of %zu bytes: %s", bytes, strerror(errno));
    }
    peer->mapped = bytes;
    return 0;
}

/* Make one's own segment at least so long. */
static int grow(struct peer *own, size_t bytes) {
    if (bytes <= own->mapped) return 0;
    bytes += bytes / 4;
    if (ftruncate(own->file, (off_t)bytes) != 0)
        return fail("ftruncate to %zu bytes: %s", bytes, strerror(errno));
    if (map(own, bytes) != 0) return 1;
    atomic_store(&own->segment->bytes, (long long)bytes);
    return 0;
}

static void meet(struct instance *self) {
    struct meeting *meeting = &self->peer[0].segment->meeting;
    int const round = atomic_load(&meeting->round);
    if (atomic_fetch_add(&meeting->arrived, 1) + 1 == self->ranks) {
        atomic_store(&meeting->arrived, 0);
        atomic_fetch_add(&meeting->round, 1);
    }
    while (atomic_load(&meeting->round) == round) sched_yield();
}

static void destroy(void *instance) {
    struct instance *self = instance;
    for (int r = 0; self->peer && r < self->ranks; ++r) {
        if (self->peer[r].segment) munmap(self->peer[r].segment, self->peer[r].mapped);
        if (self->peer[r].file >= 0) close(self->peer[r].file);
    }
    free(self->peer);
    free(self->count_offset);
    free(self);
}

static void name_of(char *name, size_t size, int process, int number, int rank) {
    snprintf(name, size, "/epsim-sample-%d-%d-%d", process, number, rank);
}

/* Every rank makes a segment, opens the others', and takes its name away again: nothing is left
 * behind, however the job ends. */
static int open_segments(struct instance *self, epsim_exchange_world const *world, int *process) {
    static int number = 0; /* of the instances of this process */
    char name[64];
    int const own_process = (int)getpid();
    ++number;
    name_of(name, sizeof(name), own_process, number, self->rank);
    struct peer *own = &self->peer[self->rank];
    int problem = 0;
    own->file = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    if (own->file < 0)
        problem = fail("shm_open: %s", strerror(errno));
    else
        problem = grow(own, sizeof(struct segment) + ((size_t)self->ranks + 1) * sizeof(int64_t));
    if (!problem && world->all_gather(world->context, &own_process, sizeof(int), process) != 0)
        problem = fail("another rank failed");
    for (int r = 0; r < self->ranks && !problem; ++r) {
        if (r == self->rank) continue;
        char other[64];
        name_of(other, sizeof(other), process[r], number, r);
        self->peer[r].file = shm_open(other, O_RDWR, 0);
        if (self->peer[r].file < 0)
            problem = fail("rank %d is not on this host (shm_open: %s)", r, strerror(errno));
        else
            problem = map(&self->peer[r], sizeof(struct segment));
    }
    /* All have all open. */
    if (!problem && world->all_gather(world->context, &own_process, sizeof(int), process) != 0)
        problem = fail("another rank failed");
    if (own->file >= 0) shm_unlink(name);
    return problem;
}

static int create(epsim_exchange_world const *world, void **instance) {
    struct instance *self = calloc(1, sizeof(*self));
    if (!self) return fail("out of memory");
    size_t const ranks = (size_t)world->ranks;
    self->rank = world->rank;
    self->ranks = world->ranks;
    self->peer = calloc(ranks, sizeof(*self->peer));
    self->count_offset = calloc(ranks + 1, sizeof(int64_t));
    int *process = calloc(ranks, sizeof(int));
    int problem = 0;
    if (!self->peer || !self->count_offset || !process) {
        problem = fail("out of memory");
    } else {
        for (size_t r = 0; r < ranks; ++r) {
            self->peer[r].file = -1;
            self->count_offset[r + 1] = (int64_t)r + 1;
        }
        problem = open_segments(self, world, process);
    }
    free(process);
    if (problem)
        destroy(self);
    else
        *instance = self;
    return problem;
}

/* Copy this rank's share out of a peer's segment. */
static int take(struct instance *self, int from, char *receive, int64_t rows, int64_t row_bytes) {
    struct peer *peer = &self->peer[from];
    if (map(peer, (size_t)atomic_load(&peer->segment->bytes)) != 0) return 1;
    int64_t const *offset = peer->segment->offset;
    if (offset[self->rank + 1] - offset[self->rank] != rows)
        return fail("rank %d sends another number of rows than %lld", from, (long long)rows);
    char const *data = (char const *)(offset + self->ranks + 1);
    if (rows > 0)
        memcpy(receive, data + offset[self->rank] * row_bytes, (size_t)(rows * row_bytes));
    return 0;
}

static int all_to_all_rows(void *instance, int32_t lane, void const *send,
                           int64_t const *send_offset, void *receive,
                           int64_t const *receive_offset, int64_t row_bytes) {
    struct instance *self = instance;
    struct peer *own = &self->peer[self->rank];
    size_t const offsets = ((size_t)self->ranks + 1) * sizeof(int64_t);
    size_t const bytes = (size_t)(send_offset[self->ranks] * row_bytes);
    (void)lane; /* all lanes take the same way here */
    /* A rank that cannot go on still meets the others, who would wait for it. */
    int problem = grow(own, sizeof(struct segment) + offsets + bytes);
    if (!problem) {
        memcpy(own->segment->offset, send_offset, offsets);
        if (bytes > 0) memcpy((char *)own->segment->offset + offsets, send, bytes);
    }
    meet(self);
    for (int r = 0; r < self->ranks && !problem; ++r)
        problem = take(self, r, (char *)receive + receive_offset[r] * row_bytes,
                       receive_offset[r + 1] - receive_offset[r], row_bytes);
    meet(self);
    return problem;
}

static int all_to_all(void *instance, int32_t const *send, int32_t *receive) {
    struct instance *self = instance;
    return all_to_all_rows(instance, EPSIM_LANE_METADATA, send, self->count_offset, receive,
                           self->count_offset, sizeof(int32_t));
}

static char const *last_error(void *instance) {
    (void)instance;
    return error_text;
}

epsim_exchange_table const *epsim_exchange_plugin(void) {
    static epsim_exchange_table const table = {
        .abi_version = EPSIM_EXCHANGE_ABI_VERSION,
        .size = sizeof(epsim_exchange_table),
        .name = "epsim-sample",
        .version = "1.0",
        .create = create,
        .destroy = destroy,
        .last_error = last_error,
        .all_to_all = all_to_all,
        .all_to_all_rows = all_to_all_rows,
    };
    return &table;
}
