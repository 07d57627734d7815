// The Cloudflare object: whether each compatibility flag that the platform knows is on.

import { publish } from "errors";
import { hasFlag } from "flags";

const names =
    "allow_custom_ports allow_eval_during_startup assets_navigation_prefers_asset_serving " +
    "bind_asynclocalstorage_snapshot_to_request blob_standard_mime_type brotli_content_encoding " +
    "cache_api_compat_flags cache_api_request_cf_overrides_cache_rules cache_no_cache_enabled cache_option_enabled " +
    "capture_async_api_throws containers_pid_namespace crypto_preserve_public_exponent delete_all_deletes_alarm " +
    "diagnostics_channel_has_subscribers_getter disable_top_level_await_in_require disallow_importable_env " +
    "dont_substitute_null_on_type_error durable_object_alarms durable_object_fetch_requires_full_url " +
    "dynamic_dispatch_tunnel_exceptions enable_ctx_exports enable_email_sending_queuing enable_fast_jsg_struct " +
    "enable_global_performance_classes enable_navigator_language enable_nodejs_child_process_module " +
    "enable_nodejs_cluster_module enable_nodejs_console_module enable_nodejs_dgram_module " +
    "enable_nodejs_domain_module enable_nodejs_fs_module enable_nodejs_global_timers enable_nodejs_http2_module " +
    "enable_nodejs_http_modules enable_nodejs_http_server_modules enable_nodejs_inspector_module " +
    "enable_nodejs_os_module enable_nodejs_perf_hooks_module enable_nodejs_process_v2 enable_nodejs_punycode_module " +
    "enable_nodejs_readline_module enable_nodejs_repl_module enable_nodejs_sqlite_module " +
    "enable_nodejs_stream_wrap_module enable_nodejs_trace_events_module enable_nodejs_tty_module " +
    "enable_nodejs_v8_module enable_nodejs_vm_module enable_nodejs_wasi_module enable_nodejs_worker_threads_module " +
    "enable_python_external_sdk enable_request_signal enable_streams_nodejs_v24_compat " +
    "enable_validate_workflow_entrypoint enable_weak_ref encoder_stream_spec_compliant_backpressure " +
    "enhanced_error_serialization env_module_nullable_support export_commonjs_default expose_global_message_channel " +
    "fetch_iterable_type_support fetch_iterable_type_support_override_adjustment fetch_refuses_unknown_protocols " +
    "fetch_standard_url fetcher_no_get_put_delete fixup-transform-stream-backpressure " +
    "formdata_parser_supports_files global_fetch_strictly_public global_navigator " +
    "handle_cross_request_promise_resolution html_rewriter_treats_esi_include_as_void_tag http_headers_getsetcookie " +
    "immutable_api_prototypes internal_stream_byob_return_view internal_writable_stream_abort_clears_queue " +
    "minimal_subrequests no_cf_botmanagement_default no_cots_on_external_fetch no_global_importscripts " +
    "no_resizable_array_buffer_in_blob nodejs_als nodejs_compat nodejs_compat_populate_process_env nodejs_compat_v2 " +
    "nodejs_zlib nonclass_entrypoint_reuses_ctx_across_invocations pedantic_wpt python_check_rng_state " +
    "python_dedicated_snapshot python_external_packages python_no_global_handlers " +
    "python_request_headers_preserve_commas python_workers python_workers_20250116 " +
    "python_workers_force_new_vendor_path python_workflows python_workflows_implicit_dependencies " +
    "queue_consumer_no_wait_for_wait_until queue_expose_error_codes queues_json_messages r2_list_honor_include " +
    "r2_public_beta_bindings remove_nodejs_compat_eol remove_nodejs_compat_eol_v22 remove_nodejs_compat_eol_v23 " +
    "remove_nodejs_compat_eol_v24 request_cf_overrides_cache_rules request_signal_passthrough " +
    "require_returns_default_export response_redirect_url_standard rpc rpc_params_dup_stubs set_event_target_this " +
    "set_forwardable_email_full_headers set_tostring_tag streams_byob_reader_detaches_buffer " +
    "streams_enable_constructors strict_compression_checks strict_crypto_checks " +
    "strip_authorization_on_cross_origin_redirect strip_bom_in_read_all_text tcp_sockets_support " +
    "text_decoder_cjk_decoder text_decoder_replace_surrogates throw_on_unrecognized_import_assertion " +
    "transformstream_enable_standard_constructor unhandled_rejection_after_microtask_checkpoint " +
    "unique_ctx_per_invocation unwrap_custom_thenables upper_case_all_http_methods url_standard urlpattern_standard " +
    "urlsearchparams_delete_has_value_arg vectorize_query_metadata_optional web_socket_auto_reply_to_close " +
    "web_socket_compression websocket_close_reason_byte_limit websocket_standard_binary_type " +
    "workers_api_getters_setters_on_prototype workflows_preserve_non_retryable_error_message " +
    "writable_stream_spec_compliant_writer";

function allFlags() {
    const flags = { __proto__: null };
    const list = P.StringPrototypeSplit(names, " ");
    for (let i = 0; i < list.length; i++) flags[list[i]] = hasFlag(list[i]);
    return P.ObjectFreeze(flags);
}

class CloudflareGlobal {}
publish(CloudflareGlobal, "Cloudflare");
export const Cloudflare = new CloudflareGlobal();
P.ObjectDefineProperty(Cloudflare, "compatibilityFlags", { __proto__: null, value: allFlags(), writable: false, enumerable: true, configurable: true });
