/* YAML definitions: never fails in another way than with an error; models that pass the checks can
 * be written as classes and types, within the limits. */
#include "bao/codegen.h"
#include "bao/config.h"
#include "bao/yaml_doc.h"
#include "fmt/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_document(slv_str text)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)32 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)4 << 20);
    slv_node *root;
    slv_err err;

    if (slv_yaml_parse(text, &arena, &root, &err) != SLV_OK) {
        SLV_ASSERT(slv_err_text(&err)[0] != '\0');
        return;
    }
    /* aliases may make a small document a large text */
    slv_code code = slv_json_put(&out, root);
    SLV_ASSERT(code == SLV_OK || code == SLV_E_LIMIT);
}

static void as_models(slv_str text)
{
    SLV_CLEANUP(slv_bao_models_done) slv_bao_models models;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)4 << 20);
    slv_bao_text_options options = {.package = SLV_STR("dynamo-bao"), .fields_path = "../fields"};
    slv_err err;

    slv_bao_models_init(&models);
    if (slv_bao_models_add(&models, SLV_STR("models.yaml"), text, &err) != SLV_OK ||
        slv_bao_models_check(&models, NULL, &err) != SLV_OK)
        return;
    for (size_t i = 0; i < models.list.len; i++) {
        for (int esm = 0; esm < 2; esm++) {
            slv_code code;

            options.esm = esm == 1;
            slv_buf_reset(&out);
            code = slv_bao_model_text(&models, &models.list.items[i], &options, &out);
            SLV_ASSERT(code == SLV_OK || code == SLV_E_LIMIT);
        }
        slv_buf_reset(&out);
        slv_code code = slv_bao_model_types(&models, &models.list.items[i], &options, &out);
        SLV_ASSERT(code == SLV_OK || code == SLV_E_LIMIT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str text = slv_str_make(data, size);
    slv_bao_config config;

    as_document(text);
    as_models(text);
    slv_bao_config_scan(text, &config);
    SLV_ASSERT(config.table.len <= size);
    return 0;
}
