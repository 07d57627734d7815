/*
 * What main and a keeper say to each other of a D1 database: an ask runs on a database or is
 * refused, and an answer is read or refused, whatever the bytes are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "d1/ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static slv_d1 *database(void)
{
    static slv_d1 *d1;
    char dir[] = "/tmp/selvage-fuzz-XXXXXX", path[64];
    slv_err err = {0};

    if (!d1) {
        SLV_ASSERT(mkdtemp(dir));
        (void)snprintf(path, sizeof path, "%s/x", dir);
        SLV_ASSERT(slv_d1_open(path, true, false, &d1, &err) == SLV_OK);
        (void)snprintf(path, sizeof path, "rm -rf %s", dir);
        SLV_ASSERT(system(path) == 0); /* the open files are enough */
    }
    return d1;
}

static void answer(slv_d1_ask_kind kind, slv_str bytes)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf message = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_d1_rows_done) slv_d1_rows rows = {0};
    SLV_CLEANUP(slv_d1_json_done) slv_d1_json json = {0};
    slv_d1_ask ask = {
        .kind = kind, .arena = &arena, .message = &message, .rows = &rows, .out = &json};
    slv_code code;

    slv_d1_rows_init(&rows, false);
    slv_d1_json_init(&json, false);
    code = slv_d1_ask_get(&ask, bytes, NULL);
    SLV_ASSERT(strlen(ask.before) <= SLV_D1_BOOKMARK_LEN &&
               strlen(ask.after) <= SLV_D1_BOOKMARK_LEN);
    (void)code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    slv_str bytes = slv_str_make((const char *)data, size);
    atomic_bool stop = true; /* whatever would take long is stopped */
    slv_code code;

    if (size == 0)
        return 0;
    code = slv_d1_serve(database(), data[0] & 0x80, slv_str_skip(bytes, 1), -1, &stop, &out, NULL);
    (void)code;
    answer((slv_d1_ask_kind)(data[0] % 8), slv_str_skip(bytes, 1));
    return 0;
}
