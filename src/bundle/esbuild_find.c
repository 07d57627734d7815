/* Where the native binary of esbuild is. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "bundle/esbuild.h"
#include "fmt/json.h"

#if defined(__x86_64__)
#define PLATFORM "linux-x64"
#elif defined(__aarch64__)
#define PLATFORM "linux-arm64"
#else
#error "no esbuild for this machine"
#endif

#define OLDEST_MINOR 17 /* 0.17 brought the packets that we speak */

/* "version" of the package that stands two levels above .../bin/esbuild. */
static bool read_version(const char *binary, char out[static 32])
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)256 << 10);
    char path[PATH_MAX];
    slv_node *root;
    slv_str version, part;
    uint64_t major, minor;

    snprintf(path, sizeof path, "%.*s/../package.json", (int)(strrchr(binary, '/') - binary),
             binary);
    if (slv_file_read(path, &text, NULL) != SLV_OK ||
        slv_json_parse(slv_buf_view(&text), SLV_JSON_STRICT, &arena, &root, NULL) != SLV_OK)
        return false;
    version = slv_node_str(slv_node_get(root, "version"));
    if (version.len == 0 || version.len >= 32)
        return false;
    snprintf(out, 32, "%.*s", SLV_STR_ARGS(version));
    return slv_str_split(&version, '.', &part) && slv_parse_u64(part, &major) == SLV_OK &&
           slv_str_split(&version, '.', &part) && slv_parse_u64(part, &minor) == SLV_OK &&
           (major > 0 || minor >= OLDEST_MINOR);
}

static bool try_binary(const char *binary, slv_esbuild_place *ret)
{
    if (access(binary, X_OK) != 0 || !strchr(binary, '/') || !read_version(binary, ret->version))
        return false;
    snprintf(ret->binary, sizeof ret->binary, "%s", binary);
    return true;
}

/* The package of the native binary in a node_modules directory, also where package managers nest
 * it. */
static bool try_modules(const char *modules, slv_esbuild_place *ret)
{
    static const char *const places[] = {
        "@esbuild/" PLATFORM,
        "esbuild/node_modules/@esbuild/" PLATFORM,
        "wrangler/node_modules/@esbuild/" PLATFORM,
    };
    char path[PATH_MAX], real[PATH_MAX];

    for (size_t i = 0; i < SLV_ARRAY_LEN(places); i++) {
        snprintf(path, sizeof path, "%s/%s/bin/esbuild", modules, places[i]);
        if (try_binary(path, ret))
            return true;
    }
    snprintf(path, sizeof path, "%s/esbuild",
             modules); /* a link into a store, with its packages beside it */
    if (!realpath(path, real))
        return false;
    if (snprintf(path, sizeof path, "%s/../@esbuild/" PLATFORM "/bin/esbuild", real) >=
        (int)sizeof path)
        return false;
    return try_binary(path, ret);
}

static bool try_parents(const char *dir, slv_esbuild_place *ret)
{
    char at[PATH_MAX], modules[PATH_MAX];

    snprintf(at, sizeof at, "%s", dir);
    for (;;) {
        char *slash;

        if (snprintf(modules, sizeof modules, "%s/node_modules", at) >= (int)sizeof modules)
            return false;
        if (try_modules(modules, ret))
            return true;
        slash = strrchr(at, '/');
        if (!slash)
            return false;
        if (slash == at && at[1] == '\0')
            return false;
        slash[slash == at ? 1 : 0] = '\0';
    }
}

static bool try_beside_program(slv_esbuild_place *ret)
{
    char exe[PATH_MAX], path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    char *slash;

    if (n <= 0)
        return false;
    exe[n] = '\0';
    slash = strrchr(exe, '/');
    *slash = '\0';
    if (snprintf(path, sizeof path, "%s/../lib/selvage/node_modules", exe) < (int)sizeof path &&
        try_modules(path, ret))
        return true;
    return try_parents(exe, ret) || try_modules(SLV_SOURCE_ROOT "/node_modules", ret);
}

slv_code slv_esbuild_find(const char *project_dir, slv_esbuild_place *ret, slv_err *err)
{
    const char *given = getenv("SELVAGE_ESBUILD");

    ret->sealed = false;
    if (given && given[0]) {
        if (try_binary(given, ret))
            return SLV_OK;
        return slv_fail(err, SLV_E_NOTFOUND,
                        "SELVAGE_ESBUILD=%s is no native esbuild binary of version 0.%d or newer "
                        "in its npm package",
                        given, OLDEST_MINOR);
    }
    if (try_parents(project_dir, ret) || try_beside_program(ret))
        return SLV_OK;
    return slv_fail(err, SLV_E_NOTFOUND,
                    "esbuild is not installed; run 'npm install --save-dev esbuild' in %s",
                    project_dir);
}
