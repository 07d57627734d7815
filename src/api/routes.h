/*
 * routes.h - the tables of the areas, one for each file. Read only.
 */
#ifndef SLV_API_ROUTES_H
#define SLV_API_ROUTES_H

#include "api/api.h"

extern const slv_api_route slv_api_analytics_routes[];
extern const slv_api_route slv_api_backup_routes[];
extern const slv_api_route slv_api_transfer_routes[];
extern const slv_api_route slv_api_cache_routes[];
extern const slv_api_route slv_api_account_routes[];
extern const slv_api_route slv_api_graphql_routes[];
extern const slv_api_route slv_api_identity_routes[];
extern const slv_api_route slv_api_kv_routes[];
extern const slv_api_route slv_api_r2_routes[];
extern const slv_api_route slv_api_r2_object_routes[];
extern const slv_api_route slv_api_r2_key_routes[];
extern const slv_api_route slv_api_r2_rule_routes[];
extern const slv_api_route slv_api_tail_routes[];
extern const slv_api_route slv_api_d1_routes[];
extern const slv_api_route slv_api_dynamo_routes[];
extern const slv_api_route slv_api_dynamo_operation_routes[];
extern const slv_api_route slv_api_queue_routes[];
extern const slv_api_route slv_api_queue_message_routes[];
extern const slv_api_route slv_api_queue_consumer_routes[];

extern const slv_api_route slv_api_assets_session_routes[];
extern const slv_api_route slv_api_assets_upload_routes[];
extern const slv_api_route slv_api_pages_project_routes[];
extern const slv_api_route slv_api_pages_upload_routes[];
extern const slv_api_route slv_api_pages_deploy_routes[];
extern const slv_api_route slv_api_pages_deployment_routes[];

/* Workers. */
extern const slv_api_route slv_api_deployment_routes[];
extern const slv_api_route slv_api_dispatch_routes[];
extern const slv_api_route slv_api_script_domain_routes[];
extern const slv_api_route slv_api_script_object_routes[];
extern const slv_api_route slv_api_script_reference_routes[];
extern const slv_api_route slv_api_script_route_routes[];
extern const slv_api_route slv_api_script_routes[];
extern const slv_api_route slv_api_script_secret_routes[];
extern const slv_api_route slv_api_script_setting_routes[];
extern const slv_api_route slv_api_trigger_routes[];
extern const slv_api_route slv_api_upload_routes[];
extern const slv_api_route slv_api_version_routes[];
extern const slv_api_route slv_api_worker_routes[];

#endif
