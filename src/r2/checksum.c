#include "fmt/json.h"
#include "r2/r2_int.h"

/* What the checksum of an object in parts is: made of those of its parts, or of all its bytes. */

#define FULL SLV_STR("full:")

static const struct {
    const char *name;
    slv_sum_kind kind;
} known[] = {
    {"crc32", SLV_SUM_CRC32}, {"crc32c", SLV_SUM_CRC32C}, {"crc64nvme", SLV_SUM_CRC64NVME},
    {"sha1", SLV_SUM_SHA1},   {"sha256", SLV_SUM_SHA256},
};

void slv_r2_joint_init(slv_r2_joint *j, slv_str sum_name)
{
    *j = (slv_r2_joint){.full = slv_str_starts(sum_name, FULL), .kind = SLV_SUM_KINDS};
    if (j->full)
        sum_name = slv_str_skip(sum_name, FULL.len);
    for (size_t i = 0; i < SLV_ARRAY_LEN(known); i++) {
        if (slv_str_is(sum_name, known[i].name)) {
            j->name = known[i].name;
            j->kind = known[i].kind;
        }
    }
    j->whole = j->kind != SLV_SUM_KINDS;
    if (j->whole && !j->full)
        slv_sum_init(&j->sum, j->kind);
}

void slv_r2_joint_done(slv_r2_joint *j)
{
    slv_sum_done(&j->sum);
}

static bool sum_of_part(const slv_r2_joint *j, slv_str checksums, uint8_t out[SLV_SUM_MAX])
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)16 << 10);
    slv_node *root;

    return checksums.len > 0 &&
           slv_json_parse(checksums, SLV_JSON_STRICT, &arena, &root, NULL) == SLV_OK &&
           slv_hex_get(slv_node_str(slv_node_get(root, j->name)), out, slv_sum_len(j->kind));
}

void slv_r2_joint_add(slv_r2_joint *j, slv_str checksums, uint64_t size)
{
    uint8_t sum[SLV_SUM_MAX];

    if (!j->whole)
        return;
    if (!sum_of_part(j, checksums, sum)) {
        j->whole = false;
        return;
    }
    if (!j->full)
        slv_sum_add(&j->sum, slv_str_make(sum, slv_sum_len(j->kind)));
    else if (j->count == 0)
        memcpy(j->value, sum, sizeof sum);
    else
        (void)slv_sum_join(j->kind, j->value, sum, size);
    j->count++;
}

slv_code slv_r2_joint_json(slv_r2_joint *j, slv_arena *arena, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(512);

    *ret = SLV_STR("");
    if (!j->whole || j->count == 0)
        return SLV_OK;
    if (j->full) {
        SLV_TRY(slv_buf_printf(&out, "{\"%s\":\"", j->name));
    } else {
        slv_sum_end(&j->sum, j->value);
        SLV_TRY(slv_buf_printf(&out, "{\"parts\":\"%u\",\"parts-%s\":\"", j->count, j->name));
    }
    SLV_TRY(slv_hex_append(&out, slv_str_make(j->value, slv_sum_len(j->kind))));
    SLV_TRY(slv_buf_append(&out, SLV_STR("\"}")));
    return slv_arena_dup(arena, slv_buf_view(&out), ret);
}
