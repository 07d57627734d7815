/* The body of an answer: a file as it is, a part of it, or what it was packed to. */
#include "edge/asset_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chan/msg.h"
#include "edge/file_int.h"
#include "edge/pack_int.h"

#define PATH_BYTES ((size_t)16 << 10)

static int open_file(const char *path, uint64_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *ret_size = (uint64_t)st.st_size;
        return fd;
    }
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static void not_there(slv_assets_answer *answer)
{
    answer->asset = NULL;
    answer->status = 404;
    answer->headers = SLV_STR_NULL;
}

slv_asset_body slv_asset_open(slv_shard *shard, slv_assets_answer *answer, bool wanted)
{
    uint64_t size = 0;
    int fd;

    if (!answer->asset)
        return (slv_asset_body){.fd = -1};
    fd = open_file(answer->asset->file.ptr, &size);
    if (fd < 0) {
        not_there(answer);
        return (slv_asset_body){.fd = -1};
    }
    slv_asset_body body = {.fd = -1, .length = size};
    if (wanted && size > 0)
        body.source = slv_file_source_new_take(shard, fd, 0, size);
    else
        (void)close(fd);
    return body;
}

/* ---- for a client ---- */

typedef struct form {
    slv_shard *shard;
    const slv_exchange *ex;
    const slv_assets *assets;
    slv_assets_answer *answer;
    bool packs; /* packed forms of it are sent to those who take them */
    slv_coding coding;
    slv_ranged ranged;
    uint64_t from, length, size;
    slv_str bytes; /* the whole form, when it is in memory */
    int fd;        /* else; -1: none */
} form;

static slv_str request_field(const form *f, const char *name)
{
    const slv_http_header *h = slv_exchange_header(f->ex, slv_str_from(name));

    return h ? h->value : SLV_STR_NULL;
}

static slv_str answer_field(const slv_assets_answer *answer, const char *name)
{
    slv_str rest = answer->headers, n, value;
    bool bad = false;

    while (slv_header_next(&rest, &n, &value, &bad))
        if (slv_str_eq_nocase(n, slv_str_from(name)))
            return value;
    return SLV_STR_NULL;
}

/* A page that the platform adds a script to has a body of its own. */
static bool is_altered(const form *f)
{
    return f->shard->server->o.live_reload &&
           slv_str_eq_nocase(slv_str_sub(answer_field(f->answer, "content-type"), 0, 9),
                             SLV_STR("text/html"));
}

static bool packs(const form *f)
{
    const slv_assets_answer *a = f->answer;

    return f->shard->server->packer && slv_form_packs(a->found->type, a->found->size) &&
           !answer_field(a, "content-encoding").ptr &&
           slv_str_find(answer_field(a, "cache-control"), SLV_STR("no-transform"), 0) == SIZE_MAX;
}

static void choose(form *f)
{
    slv_packer *packer = f->shard->server->packer;
    bool ranged = request_field(f, "range").ptr != NULL;
    slv_str accept = request_field(f, "accept-encoding");

    f->packs = packs(f);
    if (f->packs && !ranged && accept.len > 0)
        f->coding = slv_form_coding(
            accept, slv_packer_have(packer, f->answer->found, slv_assets_immutable(f->assets)));
}

static void open_packed(form *f)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES);
    bool immutable = slv_assets_immutable(f->assets);

    if (slv_packer_path(f->shard->server->packer, f->answer->asset, immutable, f->coding, &path) ==
        SLV_OK)
        f->fd = open_file(slv_buf_cstr(&path), &f->size);
    if (f->fd < 0) {
        slv_packer_lost(f->shard->server->packer, f->answer->asset, immutable);
        f->coding = SLV_CODING_NONE;
    }
}

/* False: the file is not there. */
static bool find_bytes(form *f)
{
    const slv_asset *asset = f->answer->asset;

    if (slv_asset_cache_get(f->shard, asset, f->coding, &f->bytes)) {
        f->size = f->bytes.len;
        return true;
    }
    if (f->coding != SLV_CODING_NONE)
        open_packed(f);
    if (f->fd < 0)
        f->fd = open_file(asset->file.ptr, &f->size);
    if (f->fd >= 0 && slv_asset_cache_fill(f->shard, asset, f->coding, f->fd, f->size, &f->bytes)) {
        (void)close(f->fd);
        f->fd = -1;
        return true;
    }
    return f->fd >= 0;
}

static slv_asset_body form_body(form *f, bool wanted)
{
    slv_asset_body body = {.fd = -1, .from = f->from, .length = f->length};

    if (f->fd >= 0 && wanted && f->length > 0)
        body.fd = f->fd;
    else if (f->fd >= 0)
        (void)close(f->fd);
    else if (wanted)
        body.bytes = slv_str_sub(f->bytes, (size_t)f->from, (size_t)(f->from + f->length));
    return body;
}

/* Parts are for whole answers to GET alone. */
static void choose_part(form *f)
{
    slv_str range = request_field(f, "range");

    f->from = 0;
    f->length = f->size;
    if (f->shard->server->o.asset_ranges && range.len > 0 && f->answer->status == 200 &&
        f->coding == SLV_CODING_NONE && slv_str_is(f->ex->head.method, "GET") &&
        !answer_field(f->answer, "content-encoding").ptr)
        f->ranged =
            slv_form_range(range, request_field(f, "if-range"),
                           slv_str_make(f->answer->asset->etag, 32), f->size, &f->from, &f->length);
    if (f->ranged == SLV_RANGE_PART) {
        f->answer->status = 206;
    } else if (f->ranged == SLV_RANGE_NONE) {
        f->answer->status = 416;
        f->length = 0;
    }
}

static slv_code write_headers(const form *f, slv_buf *out)
{
    slv_str rest = f->answer->headers, name, value;
    bool bad = false;

    while (slv_header_next(&rest, &name, &value, &bad)) {
        /* what was packed is not the same bytes: its tag is weak */
        bool weak = f->coding != SLV_CODING_NONE && slv_str_eq_nocase(name, SLV_STR("etag")) &&
                    !slv_str_starts(value, SLV_STR("W/"));

        SLV_TRY(slv_buf_printf(out, "%.*s:%s%.*s\n", SLV_STR_ARGS(name), weak ? "W/" : "",
                               SLV_STR_ARGS(value)));
    }
    if (f->packs)
        SLV_TRY(slv_buf_append(out, SLV_STR("vary:accept-encoding\n")));
    else if (f->shard->server->o.asset_ranges &&
             (f->answer->status == 200 || f->answer->status == 206))
        SLV_TRY(slv_buf_append(out, SLV_STR("accept-ranges:bytes\n")));
    if (f->coding != SLV_CODING_NONE && f->answer->status != 304)
        SLV_TRY(slv_buf_printf(out, "content-encoding:%.*s\n",
                               SLV_STR_ARGS(slv_coding_name(f->coding))));
    if (f->ranged == SLV_RANGE_PART)
        SLV_TRY(slv_buf_printf(out, "content-range:bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\n",
                               f->from, f->from + f->length - 1, f->size));
    else if (f->ranged == SLV_RANGE_NONE)
        SLV_TRY(slv_buf_printf(out, "content-range:bytes */%" PRIu64 "\n", f->size));
    return SLV_OK;
}

slv_asset_body slv_asset_open_as(slv_shard *shard, const slv_exchange *ex, const slv_assets *assets,
                                 slv_assets_answer *answer, slv_buf *out)
{
    form f = {.shard = shard, .ex = ex, .assets = assets, .answer = answer, .fd = -1};
    bool wanted = !slv_str_is(ex->head.method, "HEAD");

    if (!answer->found || is_altered(&f))
        return slv_asset_open(shard, answer, wanted);
    choose(&f);
    if (answer->asset) {
        if (!find_bytes(&f)) {
            not_there(answer);
            return (slv_asset_body){.fd = -1};
        }
        choose_part(&f);
    }
    if (write_headers(&f, out) == SLV_OK)
        answer->headers = slv_buf_view(out);
    return form_body(&f, wanted);
}
