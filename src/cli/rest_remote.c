/* Which server is meant, and who calls. */
#include "cli/rest_remote.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "fmt/dotenv.h"

typedef struct finder {
    const char *dir;
    slv_arena arena;
    slv_node *files; /* names of .env files and their values; the first that is found counts */
    slv_err *err;
} finder;

static slv_code read_file(finder *f, const char *name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_DOTENV_MAX + 1);
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(f->dir, slv_str_from(name));
    slv_err why = {0};
    slv_code code = slv_file_read(path, &text, &why);
    slv_str copy;

    if (code == SLV_E_NOTFOUND)
        return SLV_OK;
    if (code == SLV_OK)
        code = slv_arena_dup(&f->arena, slv_buf_view(&text), &copy);
    if (code == SLV_OK)
        code = slv_dotenv_parse(copy, &f->arena, f->files, &why);
    return code == SLV_OK ? SLV_OK : slv_fail(f->err, code, "%s: %s", name, slv_err_text(&why));
}

/* A copy; NULL: set nowhere. */
static char *value_of(const finder *f, const char *name)
{
    const char *set = getenv(name);
    slv_str s;

    if (set && set[0])
        return slv_strdup(set);
    s = slv_node_str(slv_node_get(f->files, name));
    return s.len > 0 ? slv_strndup(s.ptr, s.len) : NULL;
}

static slv_code check_url(char *url, slv_err *err)
{
    size_t n = strlen(url);

    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return slv_fail(err, SLV_E_INVAL,
                        "CLOUDFLARE_API_BASE_URL is '%s'; it must begin with http:// or https://",
                        url);
    while (n > 0 && url[n - 1] == '/')
        url[--n] = '\0';
    return SLV_OK;
}

static slv_code find(finder *f, const char *env, const char *account, slv_remote *ret)
{
    char name[256];

    SLV_TRY(read_file(f, ".env"));
    if (env) {
        (void)snprintf(name, sizeof name, ".env.%s", env);
        SLV_TRY(read_file(f, name));
    }
    ret->base_url = value_of(f, "CLOUDFLARE_API_BASE_URL");
    ret->token = value_of(f, "CLOUDFLARE_API_TOKEN");
    ret->account = account ? slv_strdup(account) : value_of(f, "CLOUDFLARE_ACCOUNT_ID");
    if (!ret->base_url)
        return slv_fail(
            f->err, SLV_E_INVAL,
            "no server is named: set CLOUDFLARE_API_BASE_URL, CLOUDFLARE_API_TOKEN and "
            "CLOUDFLARE_ACCOUNT_ID to the three lines that `selvage serve` has printed");
    if (!ret->token)
        return slv_fail(f->err, SLV_E_INVAL,
                        "CLOUDFLARE_API_TOKEN is not set; `selvage token create` makes one");
    return check_url(ret->base_url, f->err);
}

slv_code slv_remote_find(const char *dir, const char *env, const char *account, slv_remote *ret,
                         slv_err *err)
{
    finder f = {.dir = dir, .arena = SLV_ARENA(4 * SLV_DOTENV_MAX), .err = err};
    slv_code code;

    *ret = (slv_remote){0};
    f.files = slv_node_new(&f.arena, SLV_NODE_OBJECT, 1, 1);
    code = f.files ? find(&f, env, account, ret) : SLV_E_NOMEM;
    slv_arena_done(&f.arena);
    return code;
}

void slv_remote_done(slv_remote *r)
{
    free(r->base_url);
    free(r->token);
    free(r->account);
    *r = (slv_remote){0};
}
