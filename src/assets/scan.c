/* The files of a directory as a set. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assets/assets_int.h"
#include "assets/ignore.h"
#include "base/file.h"
#include "fmt/sum.h"

#define RULES_FILE_MAX ((size_t)8 << 20)
#define DEPTH_MAX 64

typedef struct scan {
    slv_assets *a;
    const char *dir;
    slv_ignore ignore;
    slv_buf ignore_text, headers, redirects;
    slv_buf path; /* of what is looked at, relative */
    slv_err *err;
} scan;

static slv_code read_optional(const scan *s, const char *name, slv_buf *out)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(s->dir, slv_str_from(name));
    slv_code code = slv_file_read(path, out, s->err);

    if (code == SLV_E_NOTFOUND)
        slv_buf_reset(out);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* Changes with the name, the length and the time of the file. */
static void tag_of(slv_str path, const struct stat *st, char out[static 33])
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)16 << 10);
    uint8_t sum[SLV_SUM_MAX];

    if (slv_buf_printf(&text, "%.*s %" PRIu64 " %" PRIi64 ".%09ld", SLV_STR_ARGS(path),
                       (uint64_t)st->st_size, (int64_t)st->st_mtim.tv_sec,
                       st->st_mtim.tv_nsec) != SLV_OK)
        slv_buf_reset(&text);
    slv_sum_of(SLV_SUM_SHA256, slv_buf_view(&text), sum);
    slv_hex_put(slv_str_make(sum, 16), out);
    out[32] = '\0';
}

static slv_code add_file(scan *s, const struct stat *st)
{
    SLV_CLEANUP(slv_charp_free) char *file = slv_path_join(s->dir, slv_buf_view(&s->path));
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF((size_t)16 << 10);
    slv_asset asset = {.file = slv_str_from(file), .size = (uint64_t)st->st_size};

    if (asset.size > SLV_ASSETS_FILE_MAX)
        return slv_fail(
            s->err, SLV_E_LIMIT,
            "%s has %.1f MiB; an asset may have up to 25 MiB. Leave it out by a line in "
            ".assetsignore",
            file, (double)asset.size / (1 << 20));
    if (s->a->files.len == SLV_ASSETS_FILES_MAX)
        return slv_fail(s->err, SLV_E_LIMIT, "%s has more than %u files, the most there may be",
                        s->dir, SLV_ASSETS_FILES_MAX);
    SLV_TRY(slv_buf_append_byte(&path, '/'));
    SLV_TRY(slv_buf_append(&path, slv_buf_view(&s->path)));
    asset.path = slv_buf_view(&path);
    asset.type = slv_assets_type(asset.path);
    tag_of(asset.path, st, asset.etag);
    if (slv_assets_add(s->a, &asset) != SLV_OK)
        return slv_fail(s->err, SLV_E_LIMIT, "%s: the names of the files take too much memory",
                        s->dir);
    return SLV_OK;
}

static slv_code walk(scan *s, int fd, unsigned depth);

static slv_code visit(scan *s, int dir, const char *name, unsigned depth)
{
    struct stat st;

    if (fstatat(dir, name, &st, 0) != 0) /* follows links; a broken one is no file */
        return errno == ENOENT || errno == ELOOP
                   ? SLV_OK
                   : slv_fail_errno(s->err, SLV_E_IO, "%s/%s", s->dir, slv_buf_cstr(&s->path));
    if ((!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) ||
        slv_ignore_has(&s->ignore, slv_buf_view(&s->path), S_ISDIR(st.st_mode)))
        return SLV_OK;
    if (S_ISREG(st.st_mode))
        return add_file(s, &st);
    if (depth == DEPTH_MAX)
        return slv_fail(s->err, SLV_E_LIMIT, "%s: more than %d folders in each other", s->dir,
                        DEPTH_MAX);
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return slv_fail_errno(s->err, SLV_E_IO, "%s/%s", s->dir, slv_buf_cstr(&s->path));
    return walk(s, fd, depth + 1);
}

/* Takes fd. */
static slv_code walk(scan *s, int fd, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    slv_code code = SLV_OK;
    const struct dirent *e;
    size_t base = s->path.len;

    if (!dir) {
        (void)close(fd);
        return slv_fail_errno(s->err, SLV_E_IO, "%s", s->dir);
    }
    while (code == SLV_OK && (e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (slv_buf_append(&s->path, slv_str_from(base > 0 ? "/" : "")) != SLV_OK ||
            slv_buf_append(&s->path, slv_str_from(e->d_name)) != SLV_OK)
            code = slv_fail(s->err, SLV_E_LIMIT, "%s: a path is too long", s->dir);
        else
            code = visit(s, fd, e->d_name, depth);
        s->path.len = base;
    }
    (void)closedir(dir);
    return code;
}

static slv_code run(scan *s, slv_buf *warnings)
{
    static const char never[] = "/.assetsignore\n/_redirects\n/_headers\n/_worker.js\n"
                                "/_routes.json\n";
    static const char never_pages[] = "/_redirects\n/_headers\n/_worker.js\n/_routes.json\n"
                                      "/functions\n.DS_Store\nnode_modules\n.git\n/.wrangler\n"
                                      "/.selvage\n";
    bool pages = s->a->config.pages;
    int fd;

    if (!pages)
        SLV_TRY(read_optional(s, ".assetsignore", &s->ignore_text));
    SLV_TRY(read_optional(s, "_headers", &s->headers));
    SLV_TRY(read_optional(s, "_redirects", &s->redirects));
    slv_ignore_add(&s->ignore, slv_str_from(pages ? never_pages : never));
    slv_ignore_add(&s->ignore, slv_buf_view(&s->ignore_text));
    fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return slv_fail_errno(
            s->err, errno == ENOENT || errno == ENOTDIR ? SLV_E_NOTFOUND : SLV_E_IO, "%s", s->dir);
    SLV_TRY(walk(s, fd, 0));
    if (slv_assets_add_rules(s->a, slv_buf_view(&s->headers), slv_buf_view(&s->redirects),
                             warnings) != SLV_OK)
        return slv_fail(s->err, SLV_E_LIMIT, "%s: the rules take too much memory", s->dir);
    return SLV_OK;
}

slv_code slv_assets_scan(const slv_assets_config *config, const char *dir, slv_assets **ret,
                         slv_buf *warnings, slv_err *err)
{
    scan s = {.a = slv_assets_new(config),
              .dir = dir,
              .ignore_text = SLV_BUF(RULES_FILE_MAX),
              .headers = SLV_BUF(RULES_FILE_MAX),
              .redirects = SLV_BUF(RULES_FILE_MAX),
              .path = SLV_BUF((size_t)16 << 10),
              .err = err};
    slv_code code = run(&s, warnings);

    slv_ignore_done(&s.ignore);
    slv_buf_done(&s.ignore_text);
    slv_buf_done(&s.headers);
    slv_buf_done(&s.redirects);
    slv_buf_done(&s.path);
    if (code == SLV_OK)
        *ret = s.a;
    else
        (void)slv_assets_unref(s.a);
    return code;
}
