/* The end of a tenant. */
#include "base/buf.h"
#include "state/name.h"
#include "state/state_int.h"
#include "state/tree.h"

#define PATH_BYTES ((size_t)8192)

static slv_code folder_of(const slv_state *state, slv_str name, slv_buf *path, slv_err *err)
{
    if (name.len == 0)
        return slv_fail(err, SLV_E_INVAL, "a tenant without a name");
    SLV_TRY(slv_buf_printf(path, "%s/", state->dir));
    SLV_TRY(slv_name_encode(name, path));
    return slv_buf_cstr(path) ? SLV_OK : SLV_E_NOMEM;
}

bool slv_state_is_removed_(const slv_state *state, const char *folder)
{
    for (size_t i = 0; i < state->removed.len; i++) {
        slv_str gone = state->removed.keys[i];

        if (slv_str_starts(slv_str_from(folder), gone) && folder[gone.len] == '/')
            return true;
    }
    return false;
}

void slv_state_revive_tenant(slv_state *state, slv_str name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES);
    slv_err none = {0};

    if (folder_of(state, name, &path, &none) != SLV_OK)
        return;
    pthread_mutex_lock(&state->lock);
    (void)slv_map_remove(&state->removed, slv_buf_view(&path));
    pthread_mutex_unlock(&state->lock);
}

slv_code slv_state_remove_tenant(slv_state *state, slv_str name, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES);

    SLV_TRY(folder_of(state, name, &path, err));
    pthread_mutex_lock(&state->lock);
    slv_map_set(&state->removed, slv_buf_view(&path), true);
    /* its names are known to be durable no longer */
    for (size_t i = state->folders.len; i-- > 0;)
        if (slv_str_starts(state->folders.keys[i], slv_buf_view(&path)))
            (void)slv_map_remove(&state->folders, state->folders.keys[i]);
    pthread_mutex_unlock(&state->lock);
    return slv_tree_remove(path.ptr, err);
}
