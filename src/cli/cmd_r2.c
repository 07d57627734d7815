/* selvage r2 bucket|object|credentials ..., with wrangler's names, flags and output. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/r2_int.h"
#include "cli/verbs.h"
#include "fmt/json.h"

#define TEXT_MAX ((size_t)1 << 20)

static slv_code run(r2_verb *v, slv_code (*work)(r2_verb *v, slv_err *err), slv_err *err)
{
    if (v->args->cmd->args[0] == '<')
        SLV_TRY(slv_args_required(v->args, 0, v->args->cmd->args, &v->bucket, err));
    SLV_TRY(slv_rest_open(v->args, &v->rest, err));
    return work(v, err);
}

int slv_r2_verb_run(const slv_args *args, slv_code (*work)(r2_verb *v, slv_err *err))
{
    r2_verb v = {.args = args,
                 .path = SLV_BUF(TEXT_MAX),
                 .body = SLV_BUF(TEXT_MAX),
                 .headers = SLV_BUF(TEXT_MAX)};
    slv_err err = {0};
    slv_code code = run(&v, work, &err);

    (void)slv_rest_free(v.rest);
    slv_buf_done(&v.path);
    slv_buf_done(&v.body);
    slv_buf_done(&v.headers);
    if (code == SLV_OK)
        return 0;
    err.code = code;
    return slv_cmd_fail(args->cmd, &err);
}

slv_code slv_r2_verb_path(r2_verb *v, const char *rest)
{
    slv_buf_reset(&v->path);
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/r2/buckets/")));
    SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_from(v->bucket)));
    return slv_buf_append(&v->path, slv_str_from(rest));
}

slv_code slv_r2_verb_send(r2_verb *v, const char *method, slv_node **ret, slv_err *err)
{
    slv_node *ignored;

    return slv_rest_json(v->rest, method, slv_buf_view(&v->path), slv_buf_view(&v->body),
                         ret ? ret : &ignored, err);
}

/* ---- buckets ---- */

static slv_code put_flag(r2_verb *v, const char *flag, const char *member)
{
    const char *value = slv_args_string(v->args, flag);

    if (!value)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(&v->body, ",\"%s\":", member));
    return slv_json_put_string(&v->body, slv_str_from(value));
}

/* A name for the binding: "my-bucket" is my_bucket. */
static slv_code put_binding(const char *bucket, slv_buf *out)
{
    for (; *bucket; bucket++)
        SLV_TRY(slv_buf_append_byte(out, *bucket == '-' ? '_' : *bucket));
    return SLV_OK;
}

static slv_code bucket_create(r2_verb *v, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf binding = SLV_BUF(1024);
    const char *class = slv_args_string(v->args, "storage-class");

    printf("Creating bucket '%s'...\n", v->bucket);
    SLV_TRY(slv_buf_set(&v->path, SLV_STR("/r2/buckets")));
    SLV_TRY(slv_buf_append(&v->body, SLV_STR("{\"name\":")));
    SLV_TRY(slv_json_put_string(&v->body, slv_str_from(v->bucket)));
    SLV_TRY(put_flag(v, "location", "locationHint"));
    SLV_TRY(put_flag(v, "storage-class", "storageClass"));
    SLV_TRY(slv_buf_append_byte(&v->body, '}'));
    SLV_TRY(slv_r2_verb_send(v, "POST", NULL, err));
    SLV_TRY(put_binding(v->bucket, &binding));
    printf("✅ Created bucket '%s' with default storage class of %s.\n\n"
           "Configure your Worker to write objects to this bucket:\n\n"
           "[[r2_buckets]]\nbucket_name = \"%s\"\nbinding = \"%.*s\"\n",
           v->bucket, class ? class : "Standard", v->bucket, SLV_STR_ARGS(slv_buf_view(&binding)));
    return SLV_OK;
}

static int exec_bucket_create(const slv_args *args)
{
    return slv_r2_verb_run(args, bucket_create);
}

static void print_row(const char *label, int width, const slv_node *value)
{
    printf("%s:%*s%.*s\n", label, width - (int)strlen(label) - 1, "",
           SLV_STR_ARGS(value ? value->text : SLV_STR("")));
}

static slv_code bucket_list(r2_verb *v, slv_err *err)
{
    slv_node *result = NULL;
    bool json = slv_args_bool(v->args, "json", false);

    SLV_TRY(slv_buf_set(&v->path, SLV_STR("/r2/buckets")));
    SLV_TRY(slv_r2_verb_send(v, "GET", &result, err));
    const slv_node *list = slv_node_get(result, "buckets");
    if (json) {
        slv_rest_print_json(stdout, list);
        return SLV_OK;
    }
    printf("Listing buckets...\n");
    for (const slv_node *b = list ? list->first : NULL; b; b = b->next) {
        print_row("name", 16, slv_node_get(b, "name"));
        print_row("creation_date", 16, slv_node_get(b, "creation_date"));
        if (b->next)
            printf("\n");
    }
    return SLV_OK;
}

static int exec_bucket_list(const slv_args *args)
{
    return slv_r2_verb_run(args, bucket_list);
}

static void format_size(const slv_node *n, char *out, size_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = 0;
    size_t unit = 0;

    (void)slv_node_f64(n, &value);
    while (value >= 1000 && unit + 1 < SLV_ARRAY_LEN(units)) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(out, size, unit == 0 ? "%.0f %s" : "%.2f %s", value, units[unit]);
}

static slv_code bucket_info(r2_verb *v, slv_err *err)
{
    slv_node *b = NULL;
    char size[40];

    SLV_TRY(slv_r2_verb_path(v, ""));
    SLV_TRY(slv_r2_verb_send(v, "GET", &b, err));
    if (slv_args_bool(v->args, "json", false)) {
        slv_rest_print_json(stdout, b);
        return SLV_OK;
    }
    printf("Getting info for '%s'...\n", v->bucket);
    print_row("name", 24, slv_node_get(b, "name"));
    print_row("created", 24, slv_node_get(b, "creation_date"));
    print_row("location", 24, slv_node_get(b, "location"));
    print_row("default_storage_class", 24, slv_node_get(b, "storage_class"));
    print_row("object_count", 24, slv_node_get(b, "object_count"));
    format_size(slv_node_get(b, "bucket_size"), size, sizeof size);
    printf("bucket_size:            %s\n", size);
    return SLV_OK;
}

static int exec_bucket_info(const slv_args *args)
{
    return slv_r2_verb_run(args, bucket_info);
}

static slv_code bucket_delete(r2_verb *v, slv_err *err)
{
    printf("Deleting bucket %s.\n", v->bucket);
    SLV_TRY(slv_r2_verb_path(v, ""));
    SLV_TRY(slv_r2_verb_send(v, "DELETE", NULL, err));
    printf("Deleted bucket %s.\n", v->bucket);
    return SLV_OK;
}

static int exec_bucket_delete(const slv_args *args)
{
    return slv_r2_verb_run(args, bucket_delete);
}

static slv_code cors_list(r2_verb *v, slv_err *err)
{
    slv_node *result = NULL;

    SLV_TRY(slv_r2_verb_path(v, "/cors"));
    SLV_TRY(slv_r2_verb_send(v, "GET", &result, err));
    slv_rest_print_json(stdout, slv_node_get(result, "rules"));
    return SLV_OK;
}

static int exec_cors_list(const slv_args *args)
{
    return slv_r2_verb_run(args, cors_list);
}

static slv_code cors_set(r2_verb *v, slv_err *err)
{
    const char *file = slv_args_string(v->args, "file");

    if (!file)
        return slv_fail(err, SLV_E_INVAL, "Missing required argument: file");
    SLV_TRY(slv_file_read(file, &v->body, err));
    SLV_TRY(slv_r2_verb_path(v, "/cors"));
    printf("Setting CORS configuration for bucket '%s'...\n", v->bucket);
    SLV_TRY(slv_r2_verb_send(v, "PUT", NULL, err));
    printf("✨ Set CORS configuration for bucket '%s'.\n", v->bucket);
    return SLV_OK;
}

static int exec_cors_set(const slv_args *args)
{
    return slv_r2_verb_run(args, cors_set);
}

static slv_code cors_delete(r2_verb *v, slv_err *err)
{
    SLV_TRY(slv_r2_verb_path(v, "/cors"));
    printf("Deleting the CORS configuration for bucket '%s'...\n", v->bucket);
    SLV_TRY(slv_r2_verb_send(v, "DELETE", NULL, err));
    printf("CORS configuration deleted for bucket '%s'.\n", v->bucket);
    return SLV_OK;
}

static int exec_cors_delete(const slv_args *args)
{
    return slv_r2_verb_run(args, cors_delete);
}

/* ---- objects ---- */

/* "bucket/key" of the command line, and the path of the object. */
static slv_code object_path(r2_verb *v, slv_err *err)
{
    slv_str whole = slv_str_from(v->bucket), segment;
    size_t slash = slv_str_chr(whole, '/', 0);

    if (slash == SIZE_MAX || slash == 0 || slash + 1 == whole.len)
        return slv_fail(err, SLV_E_INVAL,
                        "The object path must be in the form of {bucket}/{key} you provided %s",
                        v->bucket);
    v->key = slv_str_skip(whole, slash + 1);
    slv_buf_reset(&v->path);
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/r2/buckets/")));
    SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_sub(whole, 0, slash)));
    SLV_TRY(slv_buf_append(&v->path, SLV_STR("/objects")));
    slv_str rest = v->key;
    while (slv_str_split(&rest, '/', &segment)) {
        SLV_TRY(slv_buf_append_byte(&v->path, '/'));
        SLV_TRY(slv_rest_put_escaped(&v->path, segment));
    }
    v->bucket = slv_strndup(whole.ptr, slash); /* for messages; the process ends soon */
    return SLV_OK;
}

static slv_code check_answer(const slv_rest_answer *a, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(TEXT_MAX);
    slv_node *root = NULL;

    if (a->status < 300)
        return SLV_OK;
    if (slv_json_parse(a->body, SLV_JSON_STRICT, &arena, &root, NULL) == SLV_OK) {
        const slv_node *errors = slv_node_get(root, "errors");
        slv_str text = slv_node_str(slv_node_get(errors ? errors->first : NULL, "message"));

        if (text.len > 0)
            return slv_fail(err, a->status == 404 ? SLV_E_NOTFOUND : SLV_E_INVAL, "%.*s",
                            SLV_STR_ARGS(text));
    }
    return slv_fail(err, SLV_E_IO, "the store answered %d", a->status);
}

static slv_code put_headers(r2_verb *v)
{
    static const char *const flags[][2] = {
        {"content-type", "content-type"},         {"content-disposition", "content-disposition"},
        {"content-encoding", "content-encoding"}, {"content-language", "content-language"},
        {"cache-control", "cache-control"},       {"expires", "expires"},
        {"storage-class", "cf-r2-storage-class"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(flags); i++) {
        const char *value = slv_args_string(v->args, flags[i][0]);

        if (value)
            SLV_TRY(slv_buf_printf(&v->headers, "%s:%s\n", flags[i][1], value));
    }
    return SLV_OK;
}

static slv_code object_put(r2_verb *v, slv_err *err)
{
    const char *file = slv_args_string(v->args, "file");
    bool pipe = slv_args_bool(v->args, "pipe", false);
    slv_rest_request request = {.method = "PUT", .from_length = -1, .progress = "Uploading"};
    slv_rest_answer answer = {0};
    struct stat st;

    if (!file && !pipe)
        return slv_fail(err, SLV_E_INVAL, "Either the --file or --pipe options are required.");
    SLV_TRY(object_path(v, err));
    SLV_TRY(put_headers(v));
    request.from = pipe ? stdin : fopen(file, "rb");
    if (!request.from)
        return errno == ENOENT
                   ? slv_fail(err, SLV_E_NOTFOUND, "The file \"%s\" does not exist.", file)
                   : slv_fail_errno(err, SLV_E_IO, "%s", file);
    if (!pipe && fstat(fileno(request.from), &st) == 0 && S_ISREG(st.st_mode))
        request.from_length = st.st_size;
    printf("Creating object \"%.*s\" in bucket \"%s\".\n", SLV_STR_ARGS(v->key), v->bucket);
    request.path = slv_buf_view(&v->path);
    request.headers = slv_buf_view(&v->headers);
    slv_code code = slv_rest_call(v->rest, &request, &answer, err);
    if (!pipe)
        fclose(request.from);
    SLV_TRY(code);
    SLV_TRY(check_answer(&answer, err));
    printf("Upload complete.\n");
    return SLV_OK;
}

static int exec_object_put(const slv_args *args)
{
    return slv_r2_verb_run(args, object_put);
}

static slv_code object_get(r2_verb *v, slv_err *err)
{
    const char *file = slv_args_string(v->args, "file");
    bool pipe = slv_args_bool(v->args, "pipe", false);
    slv_rest_request request = {.method = "GET", .progress = "Downloading"};
    slv_rest_answer answer = {0};
    SLV_CLEANUP(slv_charp_free) char *temporary = NULL;

    SLV_TRY(object_path(v, err));
    size_t slash = slv_str_rchr(v->key, '/');
    if (!file)
        file = v->key.ptr + (slash == SIZE_MAX ? 0 : slash + 1);
    if (!pipe) {
        printf("Downloading \"%.*s\" from \"%s\".\n", SLV_STR_ARGS(v->key), v->bucket);
        if (asprintf(&temporary, "%s.%d.part", file, (int)getpid()) < 0)
            return SLV_E_NOMEM;
        request.into = fopen(temporary, "wb");
        if (!request.into)
            return slv_fail_errno(err, SLV_E_IO, "%s", file);
    } else {
        request.into = stdout;
    }
    request.path = slv_buf_view(&v->path);
    slv_code code = slv_rest_call(v->rest, &request, &answer, err);
    if (code == SLV_OK)
        code = check_answer(&answer, err);
    if (pipe)
        return code;
    if (fclose(request.into) != 0 && code == SLV_OK)
        code = slv_fail_errno(err, SLV_E_IO, "%s", file);
    if (code == SLV_OK && rename(temporary, file) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "%s", file);
    if (code != SLV_OK) {
        (void)unlink(temporary);
        return code;
    }
    printf("Download complete.\n");
    return SLV_OK;
}

static int exec_object_get(const slv_args *args)
{
    return slv_r2_verb_run(args, object_get);
}

static slv_code object_delete(r2_verb *v, slv_err *err)
{
    SLV_TRY(object_path(v, err));
    printf("Deleting object \"%.*s\" from bucket \"%s\".\n", SLV_STR_ARGS(v->key), v->bucket);
    SLV_TRY(slv_r2_verb_send(v, "DELETE", NULL, err));
    printf("Delete complete.\n");
    return SLV_OK;
}

static int exec_object_delete(const slv_args *args)
{
    return slv_r2_verb_run(args, object_delete);
}

/* ---- access keys of S3 ---- */

static slv_code put_buckets(r2_verb *v)
{
    const char *bucket;

    for (size_t i = 0; (bucket = slv_args_item(v->args, "bucket", i)) != NULL; i++) {
        SLV_TRY(slv_buf_append(&v->body, i == 0 ? SLV_STR(",\"buckets\":[") : SLV_STR(",")));
        SLV_TRY(slv_json_put_string(&v->body, slv_str_from(bucket)));
    }
    return slv_args_item(v->args, "bucket", 0) ? slv_buf_append_byte(&v->body, ']') : SLV_OK;
}

static slv_code key_create(r2_verb *v, slv_err *err)
{
    const char *name = slv_args_string(v->args, "name");
    bool scoped = slv_args_item(v->args, "bucket", 0) != NULL;
    slv_node *key = NULL;

    SLV_TRY(slv_buf_set(&v->path, SLV_STR("/r2/credentials")));
    SLV_TRY(slv_buf_append(&v->body, SLV_STR("{\"name\":")));
    SLV_TRY(slv_json_put_string(&v->body, slv_str_from(name ? name : "")));
    SLV_TRY(
        slv_buf_printf(&v->body, ",\"permission\":\"%s-%s\"", scoped ? "object" : "admin",
                       slv_args_bool(v->args, "read-only", false) ? "read-only" : "read-write"));
    SLV_TRY(put_buckets(v));
    SLV_TRY(slv_buf_append_byte(&v->body, '}'));
    SLV_TRY(slv_r2_verb_send(v, "POST", &key, err));
    if (slv_args_bool(v->args, "json", false)) {
        slv_rest_print_json(stdout, key);
        return SLV_OK;
    }
    print_row("Access Key ID", 20, slv_node_get(key, "accessKeyId"));
    print_row("Secret Access Key", 20, slv_node_get(key, "secretAccessKey"));
    print_row("Permission", 20, slv_node_get(key, "permission"));
    printf(
        "\nThe region is \"auto\". While `selvage dev` runs, the endpoint is its address followed "
        "by\n/cdn-cgi/local/r2/s3 (path style), or the port of `selvage dev --s3-port`.\n");
    return SLV_OK;
}

static int exec_key_create(const slv_args *args)
{
    return slv_r2_verb_run(args, key_create);
}

static slv_code key_list(r2_verb *v, slv_err *err)
{
    slv_node *keys = NULL;

    SLV_TRY(slv_buf_set(&v->path, SLV_STR("/r2/credentials")));
    SLV_TRY(slv_r2_verb_send(v, "GET", &keys, err));
    if (slv_args_bool(v->args, "json", false)) {
        slv_rest_print_json(stdout, keys);
        return SLV_OK;
    }
    for (const slv_node *k = keys->first; k; k = k->next) {
        const slv_node *buckets = slv_node_get(k, "buckets");

        print_row("Access Key ID", 20, slv_node_get(k, "accessKeyId"));
        print_row("Name", 20, slv_node_get(k, "name"));
        print_row("Permission", 20, slv_node_get(k, "permission"));
        for (const slv_node *b = buckets ? buckets->first : NULL; b; b = b->next)
            print_row("Bucket", 20, b);
        print_row("Created", 20, slv_node_get(k, "created"));
        if (k->next)
            printf("\n");
    }
    if (!keys->first)
        printf("There are no credentials. `selvage r2 credentials create` makes some.\n");
    return SLV_OK;
}

static int exec_key_list(const slv_args *args)
{
    return slv_r2_verb_run(args, key_list);
}

static slv_code key_delete(r2_verb *v, slv_err *err)
{
    SLV_TRY(slv_buf_set(&v->path, SLV_STR("/r2/credentials/")));
    SLV_TRY(slv_rest_put_escaped(&v->path, slv_str_from(v->bucket)));
    SLV_TRY(slv_r2_verb_send(v, "DELETE", NULL, err));
    printf("Deleted credentials %s.\n", v->bucket);
    return SLV_OK;
}

static int exec_key_delete(const slv_args *args)
{
    return slv_r2_verb_run(args, key_delete);
}

/* ---- tables ---- */

#define JURISDICTION                                                                               \
    {                                                                                              \
        "jurisdiction", SLV_FLAG_STRING, 'J', "NAME", NULL                                         \
    }
#define JSON_FLAG                                                                                  \
    {                                                                                              \
        "json", SLV_FLAG_BOOL, 0, NULL, "answer in JSON"                                           \
    }

static const slv_flag plain_flags[] = {SLV_REST_FLAGS, JURISDICTION, JSON_FLAG};
static const slv_flag create_flags[] = {
    {"location", SLV_FLAG_STRING, 0, "HINT", "where the bucket had better be"},
    {"storage-class", SLV_FLAG_STRING, 's', "CLASS", "Standard or InfrequentAccess"},
    {"use-remote", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"update-config", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"binding", SLV_FLAG_STRING, 0, "NAME", NULL},
    SLV_REST_FLAGS,
    JURISDICTION,
};
static const slv_flag cors_flags[] = {
    {"file", SLV_FLAG_STRING, 0, "FILE", "rules as JSON: {\"rules\": [...]}"},
    {"force", SLV_FLAG_BOOL, 'y', NULL, NULL},
    SLV_REST_FLAGS,
    JURISDICTION,
};
static const slv_flag put_flags[] = {
    {"file", SLV_FLAG_STRING, 'f', "FILE", "the file to upload"},
    {"pipe", SLV_FLAG_BOOL, 'p', NULL, "upload what comes on standard input"},
    {"content-type", SLV_FLAG_STRING, 0, "TYPE", "its media type"},
    {"content-disposition", SLV_FLAG_STRING, 0, "VALUE", "how it is to be shown"},
    {"content-encoding", SLV_FLAG_STRING, 0, "CODING", "its coding"},
    {"content-language", SLV_FLAG_STRING, 0, "LANGUAGE", "its language"},
    {"cache-control", SLV_FLAG_STRING, 0, "VALUE", "how long it may be kept"},
    {"expires", SLV_FLAG_STRING, 0, "DATE", "when it is no longer fresh"},
    {"storage-class", SLV_FLAG_STRING, 's', "CLASS", "Standard or InfrequentAccess"},
    {"force", SLV_FLAG_BOOL, 'y', NULL, NULL},
    SLV_REST_FLAGS,
    JURISDICTION,
};
static const slv_flag get_flags[] = {
    {"file", SLV_FLAG_STRING, 'f', "FILE", "where it is written (the last part of its name)"},
    {"pipe", SLV_FLAG_BOOL, 'p', NULL, "write to standard output"},
    SLV_REST_FLAGS,
    JURISDICTION,
};
static const slv_flag key_flags[] = {
    {"name", SLV_FLAG_STRING, 0, "NAME", "what they are for"},
    {"bucket", SLV_FLAG_LIST, 0, "NAME", "only objects of these buckets (else everything)"},
    {"read-only", SLV_FLAG_BOOL, 0, NULL, "may not write"},
    SLV_REST_FLAGS,
    JSON_FLAG,
};

#define VERB(id, words, arguments, line, table, positional, fn)                                    \
    const slv_cmd slv_cmd_r2_##id##_verb = {.name = words,                                         \
                                            .args = arguments,                                     \
                                            .usage = line,                                         \
                                            .flags = table,                                        \
                                            .flag_count = SLV_ARRAY_LEN(table),                    \
                                            .max_positional = positional,                          \
                                            .exec = fn}

VERB(bucket_create, "r2 bucket create", "<name>", "make a bucket", create_flags, 1,
     exec_bucket_create);
VERB(bucket_list, "r2 bucket list", "", "buckets", plain_flags, 0, exec_bucket_list);
VERB(bucket_info, "r2 bucket info", "<bucket>", "what is known of a bucket", plain_flags, 1,
     exec_bucket_info);
VERB(bucket_delete, "r2 bucket delete", "<bucket>", "remove an empty bucket", plain_flags, 1,
     exec_bucket_delete);
VERB(cors_list, "r2 bucket cors list", "<bucket>", "rules for browsers", cors_flags, 1,
     exec_cors_list);
VERB(cors_set, "r2 bucket cors set", "<bucket>", "set the rules for browsers from a file",
     cors_flags, 1, exec_cors_set);
VERB(cors_delete, "r2 bucket cors delete", "<bucket>", "no rules for browsers any more", cors_flags,
     1, exec_cors_delete);
VERB(object_put, "r2 object put", "<bucket/key>", "store an object", put_flags, 1, exec_object_put);
VERB(object_get, "r2 object get", "<bucket/key>", "fetch an object", get_flags, 1, exec_object_get);
VERB(object_delete, "r2 object delete", "<bucket/key>", "remove an object", plain_flags, 1,
     exec_object_delete);
VERB(credentials_create, "r2 credentials create", "", "make an access key for S3", key_flags, 0,
     exec_key_create);
VERB(credentials_list, "r2 credentials list", "", "access keys for S3", plain_flags, 0,
     exec_key_list);
VERB(credentials_delete, "r2 credentials delete", "<access-key-id>", "take an access key back",
     plain_flags, 1, exec_key_delete);
