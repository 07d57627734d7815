/* Where a project has its models. */
#include <dirent.h>
#include <stdio.h>

#include "bao/codegen.h"
#include "bao/config.h"
#include "base/file.h"
#include "fmt/json.h"

#define PACKAGE_MAX ((size_t)1 << 20)

void slv_bao_place_done(slv_bao_place *place)
{
    free(place->definitions);
    free(place->out_dir);
    free(place->fields_dir);
    free(place->manifest);
    free(place->table);
    free(place->region);
    *place = (slv_bao_place){0};
}

static bool read_small(const char *dir, const char *name, slv_buf *out)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, slv_str_from(name));

    return slv_file_exists(path) && slv_file_read(path, out, NULL) == SLV_OK;
}

/* The configuration of the library, where there is one: other files are called config.js too. */
static bool find_config(const char *dir, slv_buf *text, slv_bao_config *ret)
{
    for (const char *const *name = slv_bao_config_names; *name; name++) {
        bool certain = strstr(*name, "dynamo-bao") != NULL;

        if (!read_small(dir, *name, text))
            continue;
        slv_bao_config_scan(slv_buf_view(text), ret);
        if (certain || ret->table.len > 0 || ret->models_dir.len > 0)
            return true;
    }
    *ret = (slv_bao_config){0};
    return false;
}

static char *join(const char *dir, slv_str given, const char *otherwise)
{
    return slv_path_join(dir, given.len > 0 ? given : slv_str_from(otherwise));
}

static char *copy(slv_str s)
{
    return s.len > 0 ? slv_strndup(s.ptr, s.len) : NULL;
}

static bool package_is_esm(const char *dir)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(PACKAGE_MAX);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(PACKAGE_MAX * 16);
    slv_node *root;

    return read_small(dir, "package.json", &text) &&
           slv_json_parse(slv_buf_view(&text), SLV_JSON_STRICT, &arena, &root, NULL) == SLV_OK &&
           slv_str_is(slv_node_str(slv_node_get(root, "type")), "module");
}

/* The models that are there: 1 ES modules, 0 CommonJS, -1 there are none. */
static int present_kind(const char *dir)
{
    DIR *d = opendir(dir);
    int kind = -1;

    for (struct dirent *entry; d && kind < 0 && (entry = readdir(d)) != NULL;) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(PACKAGE_MAX);

        if (!slv_str_ends(slv_str_from(entry->d_name), SLV_STR(".js")) ||
            !read_small(dir, entry->d_name, &text))
            continue;
        if (slv_str_find(slv_buf_view(&text), SLV_STR("module.exports = {"), 0) != SIZE_MAX)
            kind = 0;
        else if (slv_str_find(slv_buf_view(&text), SLV_STR("export {"), 0) != SIZE_MAX)
            kind = 1;
    }
    if (d)
        closedir(d);
    return kind;
}

void slv_bao_place_find(const char *project_dir, slv_bao_place *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_BAO_CONFIG_MAX);
    slv_bao_config c = {0};
    int present;

    (void)find_config(project_dir, &text, &c);
    *ret = (slv_bao_place){
        .definitions = join(project_dir, c.definitions, "models.yaml"),
        .out_dir = join(project_dir, c.models_dir, "models"),
        .fields_dir = join(project_dir, c.fields_dir, "fields"),
        .manifest = join(project_dir, c.manifest, ".bao/models.js"),
        .table = copy(c.table),
        .region = copy(c.region),
    };
    if (!slv_dir_exists(ret->fields_dir)) {
        free(ret->fields_dir);
        ret->fields_dir = NULL;
    }
    present = present_kind(ret->out_dir);
    if (c.module_system.len > 0)
        ret->esm = slv_str_is(c.module_system, "esm");
    else
        ret->esm = present >= 0 ? present == 1 : package_is_esm(project_dir);
}
