#include "state/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/rand.h"
#include "fmt/sum.h"
#include "state/transfer_int.h"
#include "state/tree.h"

static const char *const key_files[] = {"r2-credentials.json", "dynamodb-credentials.json"};
/* The cache is none of them: what it has can be had again. */
static const char *const folders[] = {"kv/",       "r2/",    "d1/",       "do/",
                                      "queue/",    "email/", "dynamo/",   "assets/",
                                      "versions/", "logs/",  "analytics/"};

bool slv_transfer_is_keys(slv_str path)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(key_files); i++)
        if (slv_str_is(path, key_files[i]))
            return true;
    return false;
}

bool slv_transfer_is_data(slv_str path)
{
    if (slv_str_starts(path, SLV_STR("assets/tmp/")) ||
        slv_str_starts(path, SLV_STR("versions/tmp-")) ||
        slv_str_ends(path, SLV_STR(".sqlite-shm")))
        return false;
    for (size_t i = 0; i < SLV_ARRAY_LEN(folders); i++)
        if (slv_str_starts(path, slv_str_from(folders[i])))
            return true;
    return false;
}

slv_code slv_transfer_put_sum(slv_buf *out, const uint8_t digest[32], slv_str name)
{
    SLV_TRY(slv_hex_append(out, slv_str_make(digest, 32)));
    SLV_TRY(slv_buf_append(out, SLV_STR("  ")));
    SLV_TRY(slv_buf_append(out, name));
    return slv_buf_append_byte(out, '\n');
}

void slv_transfer_check(const uint8_t key[32], char out[static 65])
{
    uint8_t mac[32];

    slv_hmac_sha256(slv_str_make(key, 32), SLV_STR("selvage export check"), mac);
    slv_hex_put(slv_str_make(mac, sizeof mac), out);
    out[64] = 0;
}

slv_code slv_transfer_aside(const char *data, char **ret, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *above = NULL;

    if (asprintf(&above, "%s/" SLV_STATE_ASIDE, data) < 0 ||
        asprintf(ret, "%s/%016llx", above, (unsigned long long)slv_rand_u64()) < 0)
        abort();
    if ((mkdir(above, 0700) != 0 && errno != EEXIST) || mkdir(*ret, 0700) != 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot make %s", *ret);
    return SLV_OK;
}
