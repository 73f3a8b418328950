"""Queries of the kind that Grafana's public dashboard 25252 asks, one for each metric that it shows.

The dashboard is not part of this repository. Its queries are concluded from the names, kinds and labels of
its metrics: how often and by what, how long, how large, how many now.
"""


def often(metric: str, *by: str) -> str:
    return f"sum by ({', '.join(by)}) (rate({metric}[$__rate_interval]))"


def most(histogram: str, *by: str) -> str:
    return f"histogram_quantile(0.95, {often(f'{histogram}_bucket', 'le', *by)})"


SUCCEEDED = 'mcp_tool_calls_total{status="success"}'

QUERIES = (
    often("mcp_handshake_total", "status", "transport"),
    often("mcp_connection_total", "transport", "client_id"),
    often("mcp_reconnection_total", "client_id", "reason"),
    "sum by (transport) (mcp_transport_type_active)",
    often("mcp_messages_received_total", "msg_type"),
    often("mcp_messages_sent_total", "msg_type"),
    most("mcp_message_size_bytes", "direction"),
    "sum by (version) (mcp_protocol_version_count_total)",
    often("mcp_jsonrpc_errors_total", "error_code", "error_message"),
    most("mcp_message_latency_seconds", "msg_type"),
    often("mcp_tool_calls_total", "tool_name", "status"),
    f"sum(rate({SUCCEEDED}[$__rate_interval])) / sum(rate(mcp_tool_calls_total[$__rate_interval]))",
    "topk(10, sum by (client_id) (increase(mcp_tool_calls_total[$__range])))",
    most("mcp_tool_duration_seconds", "tool_name"),
    "mcp_tool_duration_quantiles_sum / mcp_tool_duration_quantiles_count",
    often("mcp_tool_errors_total", "tool_name", "error_type"),
    most("mcp_tool_result_size_bytes", "tool_name"),
    often("mcp_tool_invalid_params_total", "tool_name"),
    "sum by (tool_name) (mcp_tool_inflight)",
    "mcp_tool_inflight_total",
    often("mcp_tool_retries_total", "tool_name", "attempt_number"),
    often("mcp_prompt_template_usage_total", "prompt_name"),
    often("mcp_token_usage_total", "tool_name", "direction"),
    most("mcp_token_usage_per_call", "tool_name"),
    often("mcp_tool_hallucination_total", "attempted_tool"),
    often("mcp_task_success_total", "status"),
    most("mcp_turns_to_completion"),
    often("mcp_self_correction_total", "tool_name", "status"),
    "mcp_active_sessions",
    "sum by (client_id) (mcp_active_sessions_by_client)",
    often("mcp_sessions_total", "client_id", "transport"),
    most("mcp_session_duration_seconds"),
    often("mcp_session_disconnects_total", "client_id", "reason"),
    often("mcp_resource_accessed_total", "resource"),
    most("mcp_resource_size_bytes", "resource"),
    often("mcp_resource_errors_total", "resource", "error_type"),
    often("mcp_resource_access_anomaly_total", "resource", "anomaly_type"),
    "mcp_cpu_usage_percent",
    "mcp_memory_usage_mb",
    often("mcp_rate_limit_total", "client_id", "tool_name"),
    "mcp_rate_limit_active",
)
