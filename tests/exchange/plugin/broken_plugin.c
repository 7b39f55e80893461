/* The sample plugin with one fault, named by FAULT when it is compiled. */
#define epsim_exchange_plugin sound_plugin
#include "sample_plugin.c"
#undef epsim_exchange_plugin

#define wrong_version 1
#define short_table 2
#define null_function 3
#define half_memory 4
#define failing_create 5
#define failing_rows 6
#define negative_count 7
#define swaps_two_rows 8
#define drops_a_row 9
#define swaps_metadata 10
#define changes_metadata 11
#define unaligned_memory 12
#define own_memory 13 /* no fault: alloc and free */

static int last_rank_fails(epsim_exchange_world const *world, void **instance) {
    if (world->rank == world->ranks - 1) return fail("no such device: acme0");
    return create(world, instance);
}

static int fails_rows(void *instance, int32_t lane, void const *send, int64_t const *send_offset,
                      void *receive, int64_t const *receive_offset, int64_t row_bytes) {
    int const problem = all_to_all_rows(instance, lane, send, send_offset, receive, receive_offset,
                                        row_bytes);
    if (lane == EPSIM_LANE_COMBINE) return fail("link acme0 is down");
    return problem;
}

static int negative(void *instance, int32_t const *send, int32_t *receive) {
    int const problem = all_to_all(instance, send, receive);
    receive[0] = -1;
    return problem;
}

/* What happens to the rows of a lane that have arrived. */
static int spoils_rows(void *instance, int32_t lane, void const *send, int64_t const *send_offset,
                       void *receive, int64_t const *receive_offset, int64_t row_bytes) {
    int const problem = all_to_all_rows(instance, lane, send, send_offset, receive, receive_offset,
                                        row_bytes);
    int64_t const rows = receive_offset[((struct instance *)instance)->ranks];
    char *row = receive;
    (void)row;
    if (rows < 2) return problem;
    if ((FAULT == swaps_two_rows && lane == EPSIM_LANE_DISPATCH) ||
        (FAULT == swaps_metadata && lane == EPSIM_LANE_METADATA))
        for (int64_t i = 0; i < row_bytes; ++i) {
            char const byte = row[i];
            row[i] = row[(rows - 1) * row_bytes + i];
            row[(rows - 1) * row_bytes + i] = byte;
        }
    if (FAULT == drops_a_row && lane == EPSIM_LANE_COMBINE)
        memset(row + (rows - 1) * row_bytes, 0, (size_t)row_bytes);
    if (FAULT == changes_metadata && lane == EPSIM_LANE_METADATA)
        memset(row, 0x55, (size_t)row_bytes);
    return problem;
}

static int blocks = 0; /* that are not freed */

static void *own_alloc(void *instance, int32_t lane, size_t bytes) {
    (void)instance;
    (void)lane;
    char *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    ++blocks;
    return FAULT == unaligned_memory ? memory + 1 : memory;
}

static void own_free(void *instance, void *memory) {
    (void)instance;
    --blocks;
    free(FAULT == unaligned_memory ? (char *)memory - 1 : memory);
}

static void checked_destroy(void *instance) {
    if (blocks != 0) abort();
    destroy(instance);
}

epsim_exchange_table const *epsim_exchange_plugin(void) {
    static epsim_exchange_table table;
    table = *sound_plugin();
    table.name = "epsim-broken";
    if (FAULT == wrong_version) table.abi_version = 999;
    if (FAULT == short_table) table.size = 16;
    if (FAULT == null_function) table.all_to_all_rows = NULL;
    if (FAULT == half_memory) table.alloc = own_alloc;
    if (FAULT == failing_create) table.create = last_rank_fails;
    if (FAULT == failing_rows) table.all_to_all_rows = fails_rows;
    if (FAULT == negative_count) table.all_to_all = negative;
    if (FAULT >= swaps_two_rows && FAULT <= changes_metadata) table.all_to_all_rows = spoils_rows;
    if (FAULT == unaligned_memory || FAULT == own_memory) {
        table.alloc = own_alloc;
        table.free = own_free;
        table.destroy = checked_destroy;
    }
    return &table;
}
