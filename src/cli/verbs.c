#include "cli/verbs.h"
#include "base/attr.h"
#include "cli/cmd.h"

const slv_cmd *const slv_verbs[] = {
    &slv_cmd_d1_create_verb,
    &slv_cmd_d1_list_verb,
    &slv_cmd_d1_info_verb,
    &slv_cmd_d1_delete_verb,
    &slv_cmd_d1_execute_verb,
    &slv_cmd_d1_export_verb,
    &slv_cmd_d1_migrations_create_verb,
    &slv_cmd_d1_migrations_list_verb,
    &slv_cmd_d1_migrations_apply_verb,
    &slv_cmd_d1_insights_verb,
    &slv_cmd_d1_time_travel_info_verb,
    &slv_cmd_d1_time_travel_restore_verb,
    &slv_cmd_bao_codegen_verb,
    &slv_cmd_bao_create_table_verb,
    &slv_cmd_bao_delete_table_verb,
    &slv_cmd_bao_init_verb,
    &slv_cmd_bao_update_table_verb,
    &slv_cmd_bao_watch_verb,
    &slv_cmd_dev_verb,
    &slv_cmd_pages_dev_verb,
    &slv_cmd_pages_project_create_verb,
    &slv_cmd_pages_project_list_verb,
    &slv_cmd_pages_project_delete_verb,
    &slv_cmd_pages_deployment_list_verb,
    &slv_cmd_pages_deployment_delete_verb,
    &slv_cmd_pages_deployment_rollback_verb,
    &slv_cmd_pages_deployment_tail_verb,
    &slv_cmd_pages_secret_put_verb,
    &slv_cmd_pages_secret_list_verb,
    &slv_cmd_pages_secret_delete_verb,
    &slv_cmd_pages_secret_bulk_verb,
    &slv_cmd_pages_download_config_verb,
    &slv_cmd_pages_deploy_verb,
    &slv_cmd_pages_functions_build_verb,
    &slv_cmd_deploy_verb,
    &slv_cmd_versions_upload_verb,
    &slv_cmd_triggers_deploy_verb,
    &slv_cmd_backup_verb,
    &slv_cmd_restore_verb,
    &slv_cmd_export_verb,
    &slv_cmd_import_verb,
    &slv_cmd_versions_secret_put_verb,
    &slv_cmd_versions_secret_list_verb,
    &slv_cmd_versions_secret_delete_verb,
    &slv_cmd_versions_secret_bulk_verb,
    &slv_cmd_versions_list_verb,
    &slv_cmd_versions_view_verb,
    &slv_cmd_versions_deploy_verb,
    &slv_cmd_deployments_list_verb,
    &slv_cmd_deployments_status_verb,
    &slv_cmd_rollback_verb,
    &slv_cmd_tail_verb,
    &slv_cmd_logs_verb,
    &slv_cmd_delete_verb,
    &slv_cmd_whoami_verb,
    &slv_cmd_analytics_query_verb,
    &slv_cmd_dynamodb_verb,
    &slv_cmd_dynamodb_keys_create_verb,
    &slv_cmd_dynamodb_keys_list_verb,
    &slv_cmd_dynamodb_keys_delete_verb,
    &slv_cmd_doctor_verb,
    &slv_cmd_kv_bulk_delete_verb,
    &slv_cmd_kv_bulk_get_verb,
    &slv_cmd_kv_bulk_put_verb,
    &slv_cmd_kv_key_delete_verb,
    &slv_cmd_kv_key_get_verb,
    &slv_cmd_kv_key_list_verb,
    &slv_cmd_kv_key_put_verb,
    &slv_cmd_kv_namespace_create_verb,
    &slv_cmd_kv_namespace_delete_verb,
    &slv_cmd_kv_namespace_list_verb,
    &slv_cmd_kv_namespace_rename_verb,
    &slv_cmd_secrets_store_create_verb,
    &slv_cmd_secrets_store_update_verb,
    &slv_cmd_secrets_store_list_verb,
    &slv_cmd_secrets_store_delete_verb,
    &slv_cmd_queues_create_verb,
    &slv_cmd_queues_update_verb,
    &slv_cmd_queues_list_verb,
    &slv_cmd_queues_info_verb,
    &slv_cmd_queues_delete_verb,
    &slv_cmd_queues_purge_verb,
    &slv_cmd_queues_pause_verb,
    &slv_cmd_queues_resume_verb,
    &slv_cmd_queues_consumer_list_verb,
    &slv_cmd_queues_consumer_add_verb,
    &slv_cmd_queues_consumer_remove_verb,
    &slv_cmd_queues_worker_add_verb,
    &slv_cmd_queues_worker_list_verb,
    &slv_cmd_queues_worker_remove_verb,
    &slv_cmd_queues_http_add_verb,
    &slv_cmd_queues_http_list_verb,
    &slv_cmd_queues_http_remove_verb,
    &slv_cmd_r2_bucket_create_verb,
    &slv_cmd_r2_bucket_delete_verb,
    &slv_cmd_r2_bucket_info_verb,
    &slv_cmd_r2_bucket_list_verb,
    &slv_cmd_r2_lock_add_verb,
    &slv_cmd_r2_lock_list_verb,
    &slv_cmd_r2_lock_remove_verb,
    &slv_cmd_r2_lock_set_verb,
    &slv_cmd_r2_lifecycle_add_verb,
    &slv_cmd_r2_lifecycle_list_verb,
    &slv_cmd_r2_lifecycle_remove_verb,
    &slv_cmd_r2_lifecycle_set_verb,
    &slv_cmd_r2_notification_create_verb,
    &slv_cmd_r2_notification_list_verb,
    &slv_cmd_r2_notification_delete_verb,
    &slv_cmd_r2_domain_add_verb,
    &slv_cmd_r2_domain_get_verb,
    &slv_cmd_r2_domain_list_verb,
    &slv_cmd_r2_domain_update_verb,
    &slv_cmd_r2_domain_remove_verb,
    &slv_cmd_r2_dev_url_get_verb,
    &slv_cmd_r2_dev_url_enable_verb,
    &slv_cmd_r2_dev_url_disable_verb,
    &slv_cmd_r2_cors_delete_verb,
    &slv_cmd_r2_cors_list_verb,
    &slv_cmd_r2_cors_set_verb,
    &slv_cmd_r2_credentials_create_verb,
    &slv_cmd_r2_credentials_delete_verb,
    &slv_cmd_r2_credentials_list_verb,
    &slv_cmd_r2_object_delete_verb,
    &slv_cmd_r2_object_get_verb,
    &slv_cmd_r2_object_put_verb,
    &slv_cmd_replay_verb,
    &slv_cmd_help_verb,
    &slv_cmd_test_js_verb,
    &slv_cmd_secret_put_verb,
    &slv_cmd_secret_list_verb,
    &slv_cmd_secret_delete_verb,
    &slv_cmd_secret_bulk_verb,
    &slv_cmd_serve_verb,
    &slv_cmd_account_create_verb,
    &slv_cmd_account_list_verb,
    &slv_cmd_account_delete_verb,
    &slv_cmd_token_create_verb,
    &slv_cmd_token_list_verb,
    &slv_cmd_token_revoke_verb,
    &slv_cmd_audit_verb,
    &slv_cmd_reload_verb,
    &slv_cmd_types_verb,
    &slv_cmd_version_verb,
    NULL,
};

/* How many words of the name the arguments begin with; *ret_total: how many it has. */
static int words_that_fit(const char *name, int argc, char *const argv[], int *ret_total)
{
    slv_str rest = slv_str_from(name), word;
    int fit = 0, total = 0;

    while (slv_str_split(&rest, ' ', &word)) {
        if (fit == total && total < argc && slv_str_is(word, argv[total]))
            fit++;
        total++;
    }
    *ret_total = total;
    return fit;
}

const slv_cmd *slv_verb_match(int argc, char *const argv[], int *ret_words)
{
    const slv_cmd *best = NULL;
    int total;

    *ret_words = 0;
    for (size_t i = 0; slv_verbs[i]; i++)
        if (words_that_fit(slv_verbs[i]->name, argc, argv, &total) == total && total > *ret_words) {
            best = slv_verbs[i];
            *ret_words = total;
        }
    return best;
}

bool slv_verb_group(int argc, char *const argv[], int *ret_words)
{
    int total;

    *ret_words = 0;
    for (size_t i = 0; slv_verbs[i]; i++) {
        int fit = words_that_fit(slv_verbs[i]->name, argc, argv, &total);

        if (fit > *ret_words)
            *ret_words = fit;
    }
    return *ret_words > 0;
}
