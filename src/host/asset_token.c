/* Tokens of uploads. */
#include <inttypes.h>

#include "fmt/json.h"
#include "fmt/jwt.h"
#include "host/asset_store_int.h"

static const char *const kinds[] = {"assets-session", "assets-complete", "pages-upload"};

slv_code slv_asset_token_put(const slv_asset_store *s, const slv_asset_token *token, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf claims = SLV_BUF(SLV_JWT_MAX);
    const struct {
        const char *name;
        slv_str value;
    } texts[] = {{"account", token->account},
                 {"name", token->name},
                 {"dispatch", token->dispatch},
                 {"id", token->id}};

    SLV_TRY(slv_buf_printf(&claims, "{\"sub\":\"%s\",\"exp\":%" PRId64 ",\"files\":%" PRIu64,
                           kinds[token->kind], token->expires_s, token->files));
    for (size_t i = 0; i < SLV_ARRAY_LEN(texts); i++) {
        SLV_TRY(slv_buf_printf(&claims, ",\"%s\":", texts[i].name));
        SLV_TRY(slv_json_put_string(&claims, texts[i].value));
    }
    if (token->kind == SLV_ASSET_PAGES)
        SLV_TRY(slv_buf_printf(&claims, ",\"max_file_count_allowed\":%u", SLV_PAGES_FILES_MAX));
    SLV_TRY(slv_buf_append_byte(&claims, '}'));
    return slv_jwt_put(slv_str_make(s->key, sizeof s->key), slv_buf_view(&claims), out);
}

slv_code slv_asset_token_get(const slv_asset_store *s, slv_asset_token_kind kind, slv_str text,
                             int64_t now_s, slv_arena *arena, slv_asset_token *ret, slv_err *err)
{
    slv_node *claims;
    int64_t files = 0;
    slv_code code = slv_jwt_check(slv_str_make(s->key, sizeof s->key), text, now_s, arena, &claims);

    if (code == SLV_E_TIMEOUT)
        return slv_fail(err, SLV_E_DENIED, "the token has expired");
    if (code != SLV_OK)
        return slv_fail(err, SLV_E_DENIED, "the token was not issued by this server");
    if (!slv_str_is(slv_node_str(slv_node_get(claims, "sub")), kinds[kind]))
        return slv_fail(err, SLV_E_DENIED, "the token is for another purpose");
    *ret = (slv_asset_token){
        .kind = kind,
        .account = slv_node_str(slv_node_get(claims, "account")),
        .name = slv_node_str(slv_node_get(claims, "name")),
        .dispatch = slv_node_str(slv_node_get(claims, "dispatch")),
        .id = slv_node_str(slv_node_get(claims, "id")),
    };
    if (!slv_node_i64(slv_node_get(claims, "exp"), &ret->expires_s) ||
        !slv_node_i64(slv_node_get(claims, "files"), &files) || files < 0)
        return slv_fail(err, SLV_E_DENIED, "the token was not issued by this server");
    ret->files = (uint64_t)files;
    return SLV_OK;
}
