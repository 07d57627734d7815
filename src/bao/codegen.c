#include "bao/codegen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bao/types_text.h"
#include "bao/yaml_doc.h"
#include "base/file.h"

#define NAME_MAX_BYTES ((size_t)8192)

typedef struct made {
    char *path;
    slv_buf text;
} made;

typedef struct job {
    const slv_bao_options *o;
    slv_bao_models models;
    SLV_VEC(made) files;
    slv_bao_result *result;
} job;

static void job_done(job *j)
{
    for (size_t i = 0; i < j->files.len; i++) {
        free(j->files.items[i].path);
        slv_buf_done(&j->files.items[i].text);
    }
    slv_vec_done(&j->files);
    slv_bao_models_done(&j->models);
}
SLV_DEFINE_CLEANUP_DONE(job, job_done);

void slv_bao_result_init(slv_bao_result *r)
{
    *r = (slv_bao_result){.problems = SLV_BUF((size_t)128 << 10),
                          .warnings = SLV_BUF((size_t)128 << 10)};
}

void slv_bao_result_done(slv_bao_result *r)
{
    slv_buf_done(&r->problems);
    slv_buf_done(&r->warnings);
}

/* ---- reading ---- */

static slv_code read_file(job *j, const char *path, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_YAML_MAX);
    SLV_CLEANUP(slv_charp_free)
    char *shown = j->o->shown_dir ? slv_path_relative(j->o->shown_dir, path) : slv_strdup(path);

    SLV_TRY(slv_file_read(path, &text, err));
    return slv_bao_models_add(&j->models, slv_str_from(shown), slv_buf_view(&text), err);
}

static int is_yaml(const struct dirent *entry)
{
    slv_str name = slv_str_from(entry->d_name);

    return slv_str_ends(name, SLV_STR(".yaml")) || slv_str_ends(name, SLV_STR(".yml"));
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static slv_code read_dir(job *j, const char *dir, slv_err *err)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, is_yaml, by_bytes);
    slv_code code = SLV_OK;

    if (n < 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot read %s", dir);
    if (n > SLV_BAO_FILES_MAX)
        code = slv_fail(err, SLV_E_LIMIT, "%s has %d files; %d are allowed", dir, n,
                        SLV_BAO_FILES_MAX);
    else if (n == 0)
        code = slv_fail(err, SLV_E_NOTFOUND, "%s has no .yaml or .yml file", dir);
    for (int i = 0; i < n; i++) {
        SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, slv_str_from(names[i]->d_name));

        if (code == SLV_OK)
            code = read_file(j, path, err);
        free(names[i]);
    }
    free(names);
    return code;
}

/* ---- making ---- */

static slv_buf *add_file(job *j, const char *dir, slv_str name, const char *suffix)
{
    SLV_CLEANUP(slv_buf_done) slv_buf full = SLV_BUF(NAME_MAX_BYTES);

    if (slv_buf_printf(&full, "%.*s%s", SLV_STR_ARGS(name), suffix) != SLV_OK)
        return NULL;
    slv_vec_push(&j->files,
                 ((made){slv_path_join(dir, slv_buf_view(&full)), SLV_BUF(SLV_BAO_TEXT_MAX)}));
    return &j->files.items[j->files.len - 1].text;
}

/* "../fields", "./fields": as an import says it. */
static char *import_path(const char *from_dir, const char *to)
{
    char *relative = slv_path_relative(from_dir, to), *with_dot;

    if (relative[0] == '.')
        return relative;
    if (asprintf(&with_dot, "./%s", relative) < 0)
        abort();
    free(relative);
    return with_dot;
}

static slv_code make_models(job *j)
{
    SLV_CLEANUP(slv_charp_free)
    char *fields = j->o->fields_dir ? import_path(j->o->out_dir, j->o->fields_dir) : NULL;
    slv_bao_text_options options = {.package =
                                        slv_str_from(j->o->package ? j->o->package : "dynamo-bao"),
                                    .fields_path = fields,
                                    .esm = j->o->esm};

    for (size_t i = 0; i < j->models.list.len; i++) {
        const slv_bao_model *model = &j->models.list.items[i];
        slv_buf *text = add_file(j, j->o->out_dir, model->file_name, ".js");

        if (!text)
            return SLV_E_LIMIT;
        SLV_TRY(slv_bao_model_text(&j->models, model, &options, text));
        if (!j->o->types)
            continue;
        text = add_file(j, j->o->out_dir, model->file_name, ".d.ts");
        if (!text)
            return SLV_E_LIMIT;
        SLV_TRY(slv_bao_model_types(&j->models, model, &options, text));
    }
    return SLV_OK;
}

/* ---- the manifest ---- */

typedef struct paths {
    SLV_VEC(char *) list;
} paths;

static void paths_done(paths *p)
{
    for (size_t i = 0; i < p->list.len; i++)
        free(p->list.items[i]);
    slv_vec_done(&p->list);
}
SLV_DEFINE_CLEANUP_DONE(paths, paths_done);

static void add_path(paths *p, char *path)
{
    for (size_t i = 0; i < p->list.len; i++) {
        if (strcmp(p->list.items[i], path) == 0) {
            free(path);
            return;
        }
    }
    slv_vec_push(&p->list, path);
}

/* Models that were written by hand into the same directory belong to the manifest as well. */
static slv_code find_scripts(const char *dir, unsigned depth, paths *out, slv_err *err)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, NULL, by_bytes);
    slv_code code = SLV_OK;

    for (int i = 0; i < n; i++) {
        slv_str name = slv_str_from(names[i]->d_name);
        SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, name);

        if (out->list.len >= SLV_BAO_FILES_MAX)
            code = slv_fail(err, SLV_E_LIMIT, "%s has more than %d files", dir, SLV_BAO_FILES_MAX);
        if (code == SLV_OK && name.ptr[0] != '.' && slv_dir_exists(path) && depth > 0)
            code = find_scripts(path, depth - 1, out, err);
        else if (code == SLV_OK && slv_str_ends(name, SLV_STR(".js")) && slv_file_exists(path))
            add_path(out, SLV_STEAL(path));
        free(names[i]);
    }
    free(names);
    return code;
}

static int by_path(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

static slv_code manifest_text(const paths *scripts, const char *dir, slv_buf *out)
{
    SLV_TRY(slv_buf_append(
        out,
        SLV_STR("// Made by `selvage bao codegen`. Changes here are lost when it runs again.\n")));
    for (size_t i = 0; i < scripts->list.len; i++) {
        SLV_CLEANUP(slv_charp_free) char *from = import_path(dir, scripts->list.items[i]);

        SLV_TRY(slv_buf_printf(out, "import * as model%zu from \"%s\";\n", i, from));
    }
    SLV_TRY(slv_buf_append(
        out, SLV_STR("\n// The namespace of a CommonJS module has its exports as \"default\" too, "
                     "which is no model.\n"
                     "const models = {};\n"
                     "for (const module of [")));
    for (size_t i = 0; i < scripts->list.len; i++)
        SLV_TRY(slv_buf_printf(out, "%smodel%zu", i ? ", " : "", i));
    return slv_buf_append(
        out,
        SLV_STR(
            "])\n"
            "  for (const [name, value] of Object.entries(module))\n"
            "    if (name !== \"default\" && name !== \"module.exports\") models[name] = value;\n"
            "\nexport default models;\n"));
}

static slv_code manifest_types(const job *j, const char *dir, slv_buf *out)
{
    SLV_TRY(slv_buf_append(
        out, SLV_STR("// Made by `selvage bao codegen`. Changes here are lost when it runs again.\n"
                     "/// <reference path=\"./bao.d.ts\" />\n")));
    for (size_t i = 0; i < j->models.list.len; i++) {
        const slv_bao_model *m = &j->models.list.items[i];
        SLV_CLEANUP(slv_charp_free) char *from = import_path(dir, j->o->out_dir);

        SLV_TRY(slv_buf_printf(out, "import { %.*s } from \"%s/%.*s.js\";\n", SLV_STR_ARGS(m->name),
                               from, SLV_STR_ARGS(m->file_name)));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR("\ndeclare const models: {\n")));
    for (size_t i = 0; i < j->models.list.len; i++)
        SLV_TRY(slv_buf_printf(out, "  %.*s: typeof %.*s;\n",
                               SLV_STR_ARGS(j->models.list.items[i].name),
                               SLV_STR_ARGS(j->models.list.items[i].name)));
    return slv_buf_append(out, SLV_STR("};\nexport default models;\n"));
}

static slv_code make_manifest(job *j, slv_err *err)
{
    SLV_CLEANUP(paths_done) paths scripts = {0};
    SLV_CLEANUP(slv_charp_free) char *dir = slv_path_dir(j->o->manifest);
    slv_str name = slv_str_from(slv_path_base(j->o->manifest));
    slv_buf *text;

    for (size_t i = 0; i < j->files.len; i++)
        if (slv_str_ends(slv_str_from(j->files.items[i].path), SLV_STR(".js")))
            add_path(&scripts, slv_strdup(j->files.items[i].path));
    if (slv_dir_exists(j->o->out_dir))
        SLV_TRY(find_scripts(j->o->out_dir, 8, &scripts, err));
    if (scripts.list.len > 0)
        qsort(scripts.list.items, scripts.list.len, sizeof *scripts.list.items, by_path);
    if (slv_str_ends(name, SLV_STR(".js")))
        name.len -= 3;
    text = add_file(j, dir, name, ".js");
    if (!text || manifest_text(&scripts, dir, text) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the manifest is too large");
    if (!j->o->types)
        return SLV_OK;
    text = add_file(j, dir, name, ".d.ts");
    if (!text || manifest_types(j, dir, text) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the manifest is too large");
    text = add_file(j, dir, SLV_STR("bao"), ".d.ts");
    return text ? slv_buf_set(text, slv_str_from(slv_bao_types_text)) : SLV_E_LIMIT;
}

/* ---- writing ---- */

static slv_code make_dirs(const char *path, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *dir = slv_path_dir(path);

    if (slv_dir_exists(dir))
        return SLV_OK;
    SLV_TRY(make_dirs(dir, err));
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return slv_fail_errno(err, SLV_E_IO, "cannot make %s", dir);
    return SLV_OK;
}

static bool is_same(const char *path, slv_str text)
{
    SLV_CLEANUP(slv_buf_done) slv_buf now = SLV_BUF(SLV_BAO_TEXT_MAX);

    return slv_file_read(path, &now, NULL) == SLV_OK && slv_str_eq(slv_buf_view(&now), text);
}

/* Written beside and renamed: who reads sees the old text or the new one. */
static slv_code write_file(const char *path, slv_str text, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *temporary = NULL;
    size_t at = 0;
    int fd;

    SLV_TRY(make_dirs(path, err));
    if (asprintf(&temporary, "%s.new", path) < 0)
        abort();
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot write %s", temporary);
    while (at < text.len) {
        ssize_t n = write(fd, text.ptr + at, text.len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        at += (size_t)n;
    }
    close(fd);
    if (at == text.len && rename(temporary, path) == 0)
        return SLV_OK;
    slv_code code = slv_fail_errno(err, SLV_E_IO, "cannot write %s", path);
    unlink(temporary);
    return code;
}

#define OUR_MARK "`selvage bao codegen`"
#define THEIR_MARK "Generated by model-codegen"
#define THEIR_MANIFEST_MARK "AUTO-GENERATED by dynamo-bao codegen"

typedef enum origin { ORIGIN_NONE, ORIGIN_OURS, ORIGIN_THEIRS, ORIGIN_HAND } origin;

static origin origin_of(const char *path)
{
    SLV_CLEANUP(slv_buf_done) slv_buf now = SLV_BUF(SLV_BAO_TEXT_MAX);
    slv_str text;

    if (slv_file_read(path, &now, NULL) != SLV_OK)
        return slv_file_exists(path) ? ORIGIN_HAND : ORIGIN_NONE;
    text = slv_str_sub(slv_buf_view(&now), 0, 512);
    if (slv_str_find(text, SLV_STR(OUR_MARK), 0) != SIZE_MAX)
        return ORIGIN_OURS;
    if (slv_str_find(text, SLV_STR(THEIR_MARK), 0) != SIZE_MAX ||
        slv_str_find(text, SLV_STR(THEIR_MANIFEST_MARK), 0) != SIZE_MAX)
        return ORIGIN_THEIRS;
    return ORIGIN_HAND;
}

static bool is_newer(const char *path, const char *than)
{
    struct stat a, b;

    return stat(path, &a) == 0 && stat(than, &b) == 0 &&
           (a.st_mtim.tv_sec > b.st_mtim.tv_sec ||
            (a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec >= b.st_mtim.tv_nsec));
}

/* *ret_stay: another generator has done the work. */
static slv_code check_origins(const job *j, bool *ret_stay, slv_err *err)
{
    bool theirs = false, older = false;

    for (size_t i = 0; i < j->files.len; i++) {
        const char *path = j->files.items[i].path;
        slv_str name = slv_str_from(path);
        origin from = slv_str_ends(name, SLV_STR(".js")) ? origin_of(path) : ORIGIN_OURS;

        if (from == ORIGIN_HAND)
            return slv_fail(
                err, SLV_E_EXISTS,
                "%s would be replaced by a generated model, but it was written by hand; "
                "move it, or run selvage bao codegen to replace it",
                path);
        theirs |= from == ORIGIN_THEIRS;
        older |= from != ORIGIN_OURS && !is_newer(path, j->o->definitions);
    }
    *ret_stay = theirs && !older;
    return SLV_OK;
}

static slv_code write_files(job *j, slv_err *err)
{
    bool stay = false;

    if (j->o->careful)
        SLV_TRY(check_origins(j, &stay, err));
    if (stay)
        return SLV_OK;
    for (size_t i = 0; i < j->files.len; i++) {
        const made *file = &j->files.items[i];

        if (is_same(file->path, slv_buf_view(&file->text)))
            continue;
        SLV_TRY(write_file(file->path, slv_buf_view(&file->text), err));
        j->result->written++;
    }
    return SLV_OK;
}

slv_code slv_bao_codegen(const slv_bao_options *options, slv_bao_result *result, slv_err *err)
{
    SLV_CLEANUP(job_done) job j = {.o = options, .result = result};
    slv_code code;

    slv_bao_models_init(&j.models);
    SLV_TRY(slv_dir_exists(options->definitions) ? read_dir(&j, options->definitions, err)
                                                 : read_file(&j, options->definitions, err));
    code = slv_bao_models_check(&j.models, options->fields_dir, err);
    SLV_TRY(slv_buf_append(&result->problems, slv_buf_view(&j.models.problems)));
    SLV_TRY(slv_buf_append(&result->warnings, slv_buf_view(&j.models.warnings)));
    if (code != SLV_OK)
        return code;
    result->models = j.models.list.len;
    if (options->careful && result->models == 0)
        return SLV_OK; /* a file of that name that is about something else */
    if (make_models(&j) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the models are too large");
    if (options->manifest)
        SLV_TRY(make_manifest(&j, err));
    return write_files(&j, err);
}
