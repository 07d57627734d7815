/* Model classes from YAML definitions: the parser, the checks, what is written. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bao/codegen.h"
#include "bao/config.h"
#include "bao/yaml_doc.h"
#include "base/file.h"
#include "fmt/json.h"
#include "fmt/sigv4_client.h"
#include "support/tap.h"

#define MB ((size_t)1 << 20)

/* The document as JSON, or the error. */
static slv_str parsed(const char *text, slv_buf *out)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * MB);
    slv_node *root;
    slv_err err = {0};

    slv_buf_reset(out);
    if (slv_yaml_parse(slv_str_from(text), &arena, &root, &err) != SLV_OK
            ? slv_buf_append(out, slv_str_from(slv_err_text(&err))) != SLV_OK
            : slv_json_put(out, root) != SLV_OK)
        return SLV_STR_NULL;
    return slv_buf_view(out);
}

TEST(yaml_is_read_as_the_usual_parser_reads_it)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", "null"},
        {"a: 1\nb: [x, 'y', \"z\\n\"]\n", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\\n\"]}"},
        {"- ~\n- null\n- \n- NULL\n- nULL\n", "[null,null,null,null,\"nULL\"]"},
        {"[true, True, TRUE, yes, off, false]", "[true,true,true,\"yes\",\"off\",false]"},
        {"[1, -2, +3, 0x1F, 0o17, 0b101, 1_000, 017]", "[1,-2,3,31,15,5,1000,17]"},
        {"[1.5, -0.25, 1e3, .5, 0.1, 1., 1.2.3, 1_0.5]",
         "[1.5,-0.25,1000,0.5,0.1,1,\"1.2.3\",10.5]"},
        {"[2020-01-02, 12:30, '1', \"true\", !!str 1]",
         "[\"2020-01-02\",\"12:30\",\"1\",\"true\",\"1\"]"},
        {"a: &x {k: 1}\nb: *x\n", "{\"a\":{\"k\":1},\"b\":{\"k\":1}}"},
        {"a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}\n",
         "{\"a\":{\"k\":1,\"l\":2},\"b\":{\"l\":3,\"k\":1}}"},
        {"a: |\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\"}"},
        {"a: 1\na: 2\n", "2:1: the key 'a' is given twice"},
        {"a: *nothing\n", "1:4: there is no anchor 'nothing' before this alias"},
        {"--- 1\n--- 2\n", "2:1: a second document begins here; one was expected"},
        {"a: !own x\n", "1:4: a tag that is not known"},
        {"? [a]\n: b\n", "1:3: a key must be a plain name"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(MB);
        slv_str got = parsed(rows[i].in, &out);

        if (!slv_str_is(got, rows[i].out))
            tap_note("%s", rows[i].in);
        CHECK_STR(got, slv_str_from(rows[i].out));
    }
}

TEST(yaml_has_limits)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(64 * MB);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4 * MB);
    slv_node *root;
    slv_err err;

    for (int past = 0; past < 2; past++) {
        slv_buf_reset(&text);
        for (size_t i = 0; i < SLV_YAML_DEPTH_MAX + (size_t)past; i++)
            CHECK(slv_buf_append_byte(&text, '[') == SLV_OK);
        for (size_t i = 0; i < SLV_YAML_DEPTH_MAX + (size_t)past; i++)
            CHECK(slv_buf_append_byte(&text, ']') == SLV_OK);
        CHECK_INT(slv_yaml_parse(slv_buf_view(&text), &arena, &root, &err),
                  past ? SLV_E_LIMIT : SLV_OK);
    }
    for (int past = 0; past < 2; past++) {
        slv_buf_reset(&text);
        for (size_t i = 0; i < SLV_YAML_MEMBERS_MAX + (size_t)past; i++)
            CHECK(slv_buf_printf(&text, "k%zu: 1\n", i) == SLV_OK);
        CHECK_INT(slv_yaml_parse(slv_buf_view(&text), &arena, &root, &err),
                  past ? SLV_E_LIMIT : SLV_OK);
    }
    for (int past = 0; past < 2; past++) {
        slv_buf_reset(&text);
        CHECK(slv_buf_append(&text, SLV_STR("a: ")) == SLV_OK);
        while (text.len < SLV_YAML_MAX + (size_t)past)
            CHECK(slv_buf_append_byte(&text, 'x') == SLV_OK);
        CHECK_INT(slv_yaml_parse(slv_buf_view(&text), &arena, &root, &err),
                  past ? SLV_E_LIMIT : SLV_OK);
    }
}

/* ---- models ---- */

#define USER                                                                                       \
    "models:\n"                                                                                    \
    "  User:\n"                                                                                    \
    "    modelPrefix: u\n"                                                                         \
    "    fields:\n"                                                                                \
    "      userId: {type: UlidField, autoAssign: true}\n"                                          \
    "      email: {type: StringField, required: true}\n"                                           \
    "    primaryKey: {partitionKey: userId}\n"

static slv_str problems(const char *text, slv_buf *out)
{
    SLV_CLEANUP(slv_bao_models_done) slv_bao_models m;
    slv_err err;

    slv_bao_models_init(&m);
    slv_buf_reset(out);
    if (slv_bao_models_add(&m, SLV_STR("m.yaml"), slv_str_from(text), &err) != SLV_OK)
        return slv_str_from("not added");
    if (slv_bao_models_check(&m, NULL, &err) == SLV_OK)
        return SLV_STR("");
    if (slv_buf_append(out, slv_str_trim(slv_buf_view(&m.problems))) != SLV_OK)
        return SLV_STR_NULL;
    return slv_buf_view(out);
}

TEST(what_is_wrong_is_said_with_its_place)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {USER, ""},
        {"models: [a]\n", "m.yaml:1:9: 'models' must be a mapping of names to models, found an "
                          "array. Is what follows indented?"},
        {"models:\n\tUser: 1\n", "m.yaml:2:1: found character that cannot start any token while "
                                 "scanning for the next token"},
        {"models: {a-b: {}}\n",
         "m.yaml:1:10: 'a-b' is no name for a model: expected one for a class"},
        {"models: {A: {fields: {i: {type: StringField}}, primaryKey: {partitionKey: i}}}\n",
         "m.yaml:1:10: 'A' has no modelPrefix; expected modelPrefix: u"},
        {"models: {A: {modelPrefix: a, primaryKey: {partitionKey: i}}}\n",
         "m.yaml:1:10: model 'A' has no fields"},
        {"models: {A: {modelPrefix: a, fields: {i: {type: StringField}}}}\n",
         "m.yaml:1:10: model 'A' has no primaryKey; expected primaryKey: { partitionKey: aField }"},
        {USER "    indexes: {byMail: {partitionKey: mail, sortKey: userId, indexId: gsi1}}\n",
         "m.yaml:8:38: partitionKey 'mail' is no field of User"},
        {USER "    indexes: {byMail: {partitionKey: email, sortKey: userId, indexId: gsi6}}\n",
         "m.yaml:8:71: indexId must be gsi1, gsi2, gsi3, gsi4 or gsi5"},
        {USER "    indexes: {a: {partitionKey: email, sortKey: userId, indexId: gsi1}, b: "
              "{partitionKey: email, sortKey: userId, indexId: 1}}\n",
         "m.yaml:8:124: gsi1 is taken by index 'a' already"},
        {USER "    uniqueConstraints: {u: {field: mail, uniqueConstraintId: uc1}}\n",
         "m.yaml:8:36: 'mail' is no field of User"},
        {USER "    uniqueConstraints: {u: {field: email, uniqueConstraintId: uc4}}\n",
         "m.yaml:8:63: uniqueConstraintId must be uc1, uc2 or uc3"},
        {USER "    iterationBuckets: 1001\n",
         "m.yaml:8:23: iterationBuckets must be a whole number from 1 to 1000"},
        {USER "    iterable: maybe\n", "m.yaml:8:15: iterable must be a boolean, found a string"},
        {"models: {A: {modelPrefix: a, fields: {i: {type: StrngField}}, primaryKey: {partitionKey: "
         "i}}}\n",
         "m.yaml:1:49: there is no field type 'StrngField'; did you mean StringField?"},
        {"models: {A: {modelPrefix: a, fields: {i: {type: TtlField}}, primaryKey: {partitionKey: "
         "i}}}\n",
         "m.yaml:1:39: a TtlField must be named 'ttl', found 'i'"},
        {"models: {A: {modelPrefix: a, fields: {i: {type: StringField}, r: {type: RelatedField}}, "
         "primaryKey: {partitionKey: i}}}\n",
         "m.yaml:1:63: the RelatedField 'r' has no model; expected model: NameOfAModel"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(MB);

        CHECK_STR(problems(rows[i].in, &out), slv_str_from(rows[i].out));
    }
}

TEST(bucket_numbers_at_the_limit_are_taken)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(MB);

    CHECK_STR(problems(USER "    iterationBuckets: 1000\n", &out), SLV_STR(""));
    CHECK_STR(problems(USER "    iterationBuckets: 1\n", &out), SLV_STR(""));
    CHECK(problems(USER "    iterationBuckets: 0\n", &out).len > 0);
}

/* ---- texts ---- */

typedef struct made {
    slv_bao_models models;
    slv_buf text, types;
} made;

static void made_done(made *m)
{
    slv_bao_models_done(&m->models);
    slv_buf_done(&m->text);
    slv_buf_done(&m->types);
}
SLV_DEFINE_CLEANUP_DONE(made, made_done);

static bool make(made *m, const char *yaml, const char *name, bool esm)
{
    slv_bao_text_options options = {.package = SLV_STR("dynamo-bao"), .esm = esm};
    const slv_bao_model *model;
    slv_err err;

    *m = (made){.text = SLV_BUF(MB), .types = SLV_BUF(MB)};
    slv_bao_models_init(&m->models);
    if (slv_bao_models_add(&m->models, SLV_STR("m.yaml"), slv_str_from(yaml), &err) != SLV_OK ||
        slv_bao_models_check(&m->models, NULL, &err) != SLV_OK)
        return false;
    model = slv_bao_models_find(&m->models, slv_str_from(name));
    return model && slv_bao_model_text(&m->models, model, &options, &m->text) == SLV_OK &&
           slv_bao_model_types(&m->models, model, &options, &m->types) == SLV_OK;
}

static bool has(const slv_buf *b, const char *piece)
{
    return slv_str_find(slv_buf_view(b), slv_str_from(piece), 0) != SIZE_MAX;
}

#define BLOG                                                                                       \
    USER "    uniqueConstraints: {uniqueEmail: {field: email, uniqueConstraintId: uc1}}\n"         \
         "  BlogPost:\n"                                                                           \
         "    modelPrefix: p\n"                                                                    \
         "    iterable: false\n"                                                                   \
         "    fields:\n"                                                                           \
         "      postId: {type: UlidField, autoAssign: true}\n"                                     \
         "      userId: {type: RelatedField, model: User, required: true}\n"                       \
         "      views: {type: CounterField, defaultValue: 0}\n"                                    \
         "      title: {type: StringField, defaultValue: \"it's \\\"new\\\"\"}\n"                  \
         "    primaryKey: {partitionKey: postId}\n"                                                \
         "    indexes:\n"                                                                          \
         "      postsForUser: {partitionKey: userId, sortKey: postId, indexId: gsi2}\n"            \
         "      allPosts: {partitionKey: modelPrefix, sortKey: postId, indexId: 3}\n"

TEST(classes_have_the_methods_of_their_relations)
{
    SLV_CLEANUP(made_done) made user, post;

    CHECK(make(&user, BLOG, "User", false));
    CHECK(has(&user.text, "static async findByEmail(value)"));
    CHECK(has(&user.text, "async queryPosts(skCondition = null, options = {})"));
    CHECK(has(&user.text, "const { BlogPost } = require(\"./blog-post.js\");"));
    CHECK(has(&user.text, "static iterable = true;\n  static iterationBuckets = 10;"));
    CHECK(has(&user.text, "module.exports = { User };"));
    CHECK(has(&user.types, "queryPosts(skCondition?: Record<string, unknown> | null, options?: "
                           "QueryOptions): Promise<QueryResult<BlogPost>>;"));
    CHECK(make(&post, BLOG, "BlogPost", true));
    CHECK(has(&post.text, "static async queryAllPosts(skCondition = null, options = {})"));
    CHECK(has(&post.text, "async getUser()"));
    CHECK(has(&post.text, "views: CounterField({ defaultValue: 0 }),"));
    CHECK(has(&post.text, "title: StringField({ defaultValue: \"it's \\\"new\\\"\" }),"));
    CHECK(has(&post.text, "allPosts: IndexConfig(\"modelPrefix\", \"postId\", GSI_INDEX_ID3),"));
    CHECK(has(&post.text, "static iterable = false;\n  static iterationBuckets = 100;"));
    CHECK(has(&post.text, "export { BlogPost };"));
    CHECK(has(&post.types, "get views(): number;"));
}

TEST(mapping_models_lead_to_the_other_side)
{
    static const char yaml[] =
        "models:\n"
        "  Post: {modelPrefix: p, fields: {postId: {type: UlidField}}, primaryKey: {partitionKey: "
        "postId}}\n"
        "  Tag: {modelPrefix: t, fields: {tagId: {type: UlidField}}, primaryKey: {partitionKey: "
        "tagId}}\n"
        "  TaggedPost:\n"
        "    tableType: mapping\n"
        "    modelPrefix: tp\n"
        "    fields: {tagId: {type: RelatedField, model: Tag}, postId: {type: RelatedField, model: "
        "Post}}\n"
        "    primaryKey: {partitionKey: tagId, sortKey: postId}\n"
        "    indexes: {postsForTag: primaryKey, tagsForPost: {partitionKey: postId, sortKey: "
        "tagId, "
        "indexId: gsi1}}\n";
    SLV_CLEANUP(made_done) made tag, map;

    CHECK(make(&tag, yaml, "Tag", true));
    CHECK(has(&tag.text, "async getPosts("));
    CHECK(
        has(&tag.text, "getRelatedObjectsViaMap(\"postsForTag\", this._getPkValue(), \"postId\""));
    CHECK(has(&tag.text, "import { TaggedPost } from \"./tagged-post.js\";"));
    CHECK(has(&tag.types, "Promise<QueryResult<Post>>"));
    CHECK(make(&map, yaml, "TaggedPost", true));
    CHECK(has(&map.text, "postsForTag: this.primaryKey,"));
    CHECK(has(&map.text, "static iterable = false;"));
}

TEST(the_configuration_is_read_without_being_run)
{
    static const char text[] =
        "const path = require('path'); // tableName: 'no'\n"
        "module.exports = {\n"
        "  aws: { region: \"eu-west-1\" },\n"
        "  db: { tableName: process.env.T || 'shop' },\n"
        "  paths: { modelsDir: path.resolve(__dirname, \"./src/models\"), fieldsDir: null },\n"
        "  codegen: { moduleSystem: `esm` },\n"
        "};\n";
    slv_bao_config c;

    slv_bao_config_scan(slv_str_from(text), &c);
    CHECK_STR(c.region, SLV_STR("eu-west-1"));
    CHECK_STR(c.table, SLV_STR("shop"));
    CHECK_STR(c.models_dir, SLV_STR("./src/models"));
    CHECK_STR(c.module_system, SLV_STR("esm"));
    CHECK_INT(c.fields_dir.len, 0);
}

/* ---- signing ---- */

TEST(what_a_client_signs_a_server_accepts)
{
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(MB), value = SLV_BUF(MB);
    SLV_CLEANUP(slv_buf_done) slv_buf canonical = SLV_BUF(MB), to_sign = SLV_BUF(MB);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(MB);
    static const char hash[] = /* of "{}" */
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    slv_sigv4_request request = {.method = SLV_STR("POST"), .path = SLV_STR("/")};
    slv_sigv4_signer signer = {.access_key = SLV_STR("AKID"),
                               .secret = SLV_STR("secret"),
                               .region = SLV_STR("eu-west-1"),
                               .service = SLV_STR("dynamodb"),
                               .amz_date = SLV_STR("20150830T123600Z")};
    slv_sigv4_auth auth;
    slv_err err = {0};

    CHECK(slv_buf_append(&headers, SLV_STR("host:example.com\nx-amz-date:20150830T123600Z\n")) ==
          SLV_OK);
    request.headers = slv_buf_view(&headers);
    CHECK_INT(slv_sigv4_authorize(&request, &signer, SLV_STR("{}"), &value, &err), SLV_OK);
    slv_buf_reset(&headers);
    CHECK(slv_buf_printf(&headers,
                         "authorization:%.*s\nhost:example.com\nx-amz-date:20150830T123600Z\n",
                         SLV_STR_ARGS(slv_buf_view(&value))) == SLV_OK);
    request.headers = slv_buf_view(&headers);
    CHECK_INT(slv_sigv4_parse(&request, &arena, &auth, &err), SLV_OK);
    CHECK_STR(auth.signed_headers, SLV_STR("host;x-amz-date"));
    CHECK_INT(slv_sigv4_verify(&request, &auth, SLV_SIGV4_PATH_NORMAL, slv_str_from(hash),
                               SLV_STR("secret"), &canonical, &to_sign, &err),
              SLV_OK);
    CHECK_INT(slv_sigv4_verify(&request, &auth, SLV_SIGV4_PATH_NORMAL, slv_str_from(hash),
                               SLV_STR("other"), &canonical, &to_sign, &err),
              SLV_E_DENIED);
    request.headers = SLV_STR("x-amz-date:20150830T123600Z\nhost:example.com\n");
    CHECK_INT(slv_sigv4_authorize(&request, &signer, SLV_STR("{}"), &value, &err), SLV_E_INVAL);
}

/* ---- files ---- */

static char *path_in(const char *dir, const char *name)
{
    return slv_path_join(dir, slv_str_from(name));
}

static bool write_text(const char *dir, const char *name, const char *text)
{
    SLV_CLEANUP(slv_charp_free) char *path = path_in(dir, name);
    FILE *f = fopen(path, "w");
    bool ok = f && fputs(text, f) >= 0;

    return f && fclose(f) == 0 && ok;
}

static slv_code generate(const char *dir, bool careful, slv_bao_result *result, slv_err *err)
{
    SLV_CLEANUP(slv_bao_place_done) slv_bao_place place;

    slv_bao_place_find(dir, &place);
    slv_bao_options options = {.definitions = place.definitions,
                               .out_dir = place.out_dir,
                               .manifest = place.manifest,
                               .esm = place.esm,
                               .types = true,
                               .careful = careful,
                               .shown_dir = dir};
    return slv_bao_codegen(&options, result, err);
}

TEST(files_are_written_once_and_only_when_they_change)
{
    SLV_CLEANUP(slv_bao_result_done) slv_bao_result r;
    SLV_CLEANUP(slv_charp_free) char *dir = path_in(tap_tmpdir(), "once");
    SLV_CLEANUP(slv_charp_free) char *manifest = path_in(dir, ".bao/models.js");
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(MB);
    slv_err err;

    slv_bao_result_init(&r);
    CHECK(mkdir(dir, 0777) == 0);
    CHECK(write_text(dir, "models.yaml", BLOG));
    CHECK_INT(generate(dir, true, &r, &err), SLV_OK);
    CHECK_INT(r.models, 2);
    CHECK_INT(r.written, 7);
    CHECK(tap_read_file(manifest, &text));
    CHECK(has(&text, "from \"../models/blog-post.js\";"));
    r.written = 0;
    CHECK_INT(generate(dir, true, &r, &err), SLV_OK);
    CHECK_INT(r.written, 0);
    CHECK(write_text(dir, "models.yaml", USER "    nonsense: [\n"));
    CHECK_INT(generate(dir, true, &r, &err), SLV_E_PARSE);
    CHECK(slv_str_starts(slv_buf_view(&r.problems), SLV_STR("models.yaml:9:1: ")));
}

TEST(what_was_written_by_hand_is_kept)
{
    SLV_CLEANUP(slv_bao_result_done) slv_bao_result r;
    SLV_CLEANUP(slv_charp_free) char *dir = path_in(tap_tmpdir(), "hand");
    SLV_CLEANUP(slv_charp_free) char *models = path_in(dir, "models");
    SLV_CLEANUP(slv_charp_free) char *manifest = path_in(dir, ".bao/models.js");
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(MB);
    slv_err err;

    slv_bao_result_init(&r);
    CHECK(mkdir(dir, 0777) == 0 && mkdir(models, 0777) == 0);
    CHECK(write_text(dir, "models.yaml", USER));
    CHECK(write_text(models, "user.js", "export { mine };\n"));
    CHECK(write_text(models, "other.js", "export {};\n"));
    CHECK_INT(generate(dir, true, &r, &err), SLV_E_EXISTS);
    CHECK_INT(r.written, 0);
    CHECK_INT(generate(dir, false, &r, &err), SLV_OK);
    CHECK(tap_read_file(manifest, &text));
    CHECK(has(&text, "other.js") && has(&text, "user.js"));
}

TAP_MAIN()
