/*
 * verbs.h - the entry of every verb, one for each cmd_NAME.c. Read only.
 */
#ifndef SLV_CLI_VERBS_H
#define SLV_CLI_VERBS_H

#include "cli/cmd.h"

extern const slv_cmd slv_cmd_d1_create_verb;
extern const slv_cmd slv_cmd_d1_list_verb;
extern const slv_cmd slv_cmd_d1_info_verb;
extern const slv_cmd slv_cmd_d1_delete_verb;
extern const slv_cmd slv_cmd_d1_execute_verb;
extern const slv_cmd slv_cmd_d1_export_verb;
extern const slv_cmd slv_cmd_d1_migrations_create_verb;
extern const slv_cmd slv_cmd_d1_migrations_list_verb;
extern const slv_cmd slv_cmd_d1_migrations_apply_verb;
extern const slv_cmd slv_cmd_analytics_query_verb;
extern const slv_cmd slv_cmd_dynamodb_verb;
extern const slv_cmd slv_cmd_dynamodb_keys_create_verb;
extern const slv_cmd slv_cmd_dynamodb_keys_delete_verb;
extern const slv_cmd slv_cmd_dynamodb_keys_list_verb;
extern const slv_cmd slv_cmd_d1_insights_verb;
extern const slv_cmd slv_cmd_d1_time_travel_info_verb;
extern const slv_cmd slv_cmd_d1_time_travel_restore_verb;
extern const slv_cmd slv_cmd_deploy_verb;
extern const slv_cmd slv_cmd_versions_upload_verb;
extern const slv_cmd slv_cmd_triggers_deploy_verb;
extern const slv_cmd slv_cmd_versions_secret_put_verb;
extern const slv_cmd slv_cmd_versions_secret_list_verb;
extern const slv_cmd slv_cmd_versions_secret_delete_verb;
extern const slv_cmd slv_cmd_versions_secret_bulk_verb;
extern const slv_cmd slv_cmd_versions_list_verb;
extern const slv_cmd slv_cmd_versions_view_verb;
extern const slv_cmd slv_cmd_versions_deploy_verb;
extern const slv_cmd slv_cmd_deployments_list_verb;
extern const slv_cmd slv_cmd_deployments_status_verb;
extern const slv_cmd slv_cmd_rollback_verb;
extern const slv_cmd slv_cmd_delete_verb;
extern const slv_cmd slv_cmd_whoami_verb;
extern const slv_cmd slv_cmd_bao_codegen_verb;
extern const slv_cmd slv_cmd_bao_create_table_verb;
extern const slv_cmd slv_cmd_bao_delete_table_verb;
extern const slv_cmd slv_cmd_bao_init_verb;
extern const slv_cmd slv_cmd_bao_update_table_verb;
extern const slv_cmd slv_cmd_bao_watch_verb;
extern const slv_cmd slv_cmd_dev_verb;
extern const slv_cmd slv_cmd_kv_bulk_delete_verb;
extern const slv_cmd slv_cmd_kv_bulk_get_verb;
extern const slv_cmd slv_cmd_kv_bulk_put_verb;
extern const slv_cmd slv_cmd_kv_key_delete_verb;
extern const slv_cmd slv_cmd_kv_key_get_verb;
extern const slv_cmd slv_cmd_kv_key_list_verb;
extern const slv_cmd slv_cmd_kv_key_put_verb;
extern const slv_cmd slv_cmd_kv_namespace_create_verb;
extern const slv_cmd slv_cmd_kv_namespace_delete_verb;
extern const slv_cmd slv_cmd_kv_namespace_list_verb;
extern const slv_cmd slv_cmd_kv_namespace_rename_verb;
extern const slv_cmd slv_cmd_doctor_verb;
extern const slv_cmd slv_cmd_help_verb;
extern const slv_cmd slv_cmd_queues_create_verb;
extern const slv_cmd slv_cmd_queues_update_verb;
extern const slv_cmd slv_cmd_queues_list_verb;
extern const slv_cmd slv_cmd_queues_info_verb;
extern const slv_cmd slv_cmd_queues_delete_verb;
extern const slv_cmd slv_cmd_queues_purge_verb;
extern const slv_cmd slv_cmd_queues_pause_verb;
extern const slv_cmd slv_cmd_queues_resume_verb;
extern const slv_cmd slv_cmd_queues_consumer_list_verb;
extern const slv_cmd slv_cmd_queues_consumer_add_verb;
extern const slv_cmd slv_cmd_queues_consumer_remove_verb;
extern const slv_cmd slv_cmd_pages_dev_verb;
extern const slv_cmd slv_cmd_queues_worker_add_verb;
extern const slv_cmd slv_cmd_queues_worker_list_verb;
extern const slv_cmd slv_cmd_queues_worker_remove_verb;
extern const slv_cmd slv_cmd_queues_http_add_verb;
extern const slv_cmd slv_cmd_queues_http_list_verb;
extern const slv_cmd slv_cmd_queues_http_remove_verb;
extern const slv_cmd slv_cmd_r2_bucket_create_verb;
extern const slv_cmd slv_cmd_r2_bucket_delete_verb;
extern const slv_cmd slv_cmd_r2_bucket_info_verb;
extern const slv_cmd slv_cmd_r2_bucket_list_verb;
extern const slv_cmd slv_cmd_r2_cors_delete_verb;
extern const slv_cmd slv_cmd_r2_cors_list_verb;
extern const slv_cmd slv_cmd_r2_cors_set_verb;
extern const slv_cmd slv_cmd_r2_credentials_create_verb;
extern const slv_cmd slv_cmd_r2_credentials_delete_verb;
extern const slv_cmd slv_cmd_r2_credentials_list_verb;
extern const slv_cmd slv_cmd_r2_object_delete_verb;
extern const slv_cmd slv_cmd_r2_object_get_verb;
extern const slv_cmd slv_cmd_r2_object_put_verb;
extern const slv_cmd slv_cmd_replay_verb;
extern const slv_cmd slv_cmd_test_js_verb;
extern const slv_cmd slv_cmd_secret_put_verb;
extern const slv_cmd slv_cmd_secret_list_verb;
extern const slv_cmd slv_cmd_secret_delete_verb;
extern const slv_cmd slv_cmd_secret_bulk_verb;
extern const slv_cmd slv_cmd_serve_verb;
extern const slv_cmd slv_cmd_types_verb;
extern const slv_cmd slv_cmd_version_verb;

#endif
