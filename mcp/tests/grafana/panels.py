"""The panels of docs/grafana/toolbridge.json, row by row."""

from dataclasses import dataclass, field
from typing import Literal

Shape = Literal["timeseries", "stat"]

WHOSE = 'job=~"$job",instance=~"$instance"'
"""Whose series: $S in the queries below."""


@dataclass(frozen=True)
class Panel:
    """`says` tells an operator what it shows and what to do. Of 24 columns it takes `width`. Each query comes
    with the name of its lines; `alarm` is the value from which on it is shown in red, or below which if the
    good values are `above` it."""

    title: str
    unit: str
    says: str
    queries: dict[str, str]
    width: int = 8
    shape: Shape = "timeseries"
    alarm: float | None = None
    above: bool = False
    words: dict[str, str] = field(default_factory=dict)
    """What values are shown as."""


def stat(title: str, unit: str, says: str, query: str, legend: str = "", **more: object) -> Panel:
    return Panel(title, unit, says, {query: legend}, width=4, shape="stat", **more)  # type: ignore[arg-type]


def _sum(by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join(by)})" if by else "sum"


def _selector(where: str) -> str:
    return f"{{$S,{where}}}" if where else "{$S}"


def rate(metric: str, *by: str, where: str = "") -> str:
    """How often a second, added up by these labels."""
    return f"{_sum(by)} (rate({metric}{_selector(where)}[$__rate_interval]))"


def increase(metric: str, *by: str, where: str = "") -> str:
    """How often in the time that is shown."""
    return f"{_sum(by)} (increase({metric}{_selector(where)}[$__range]))"


def quantile(of: float, histogram: str, *by: str, where: str = "") -> str:
    return f"histogram_quantile({of}, {rate(f'{histogram}_bucket', 'le', *by, where=where)})"


def quantiles(histogram: str) -> dict[str, str]:
    return {quantile(of, histogram): f"{of:.0%} are faster" for of in (0.5, 0.95, 0.99)}


def by_tool(of: float) -> Panel:
    return Panel(
        f"Time of calls by tool, {of:.0%}",
        "s",
        f"{of:.0%} of the calls of a tool take less than this. One tool alone is slow: look at what it is "
        "asked for. All are: look at where the time goes, below.",
        {quantile(of, "toolbridge_call_seconds", "tool"): "{{tool}}"},
    )


FAILED = 'outcome!="ok"'
UP = {"0": "down", "1": "up"}
CIRCUIT = {"0": "closed", "1": "one tries", "2": "open"}
DEGRADED = {"0": "no", "1": "YES"}

STATE = [
    stat(
        "Gateway",
        "none",
        "Whether Prometheus can read the gateway's metrics. down: see ToolBridgeGatewayDown in the runbook.",
        "count(toolbridge_build_info{$S}) > bool 0 or vector(0)",
        words=UP,
        alarm=1,
        above=True,
    ),
    stat(
        "Circuit to the API",
        "none",
        "open: the API did not answer several calls in a row, so calls are refused until it does. Read the "
        "API's lines.",
        "max(toolbridge_api_circuit_state{$S})",
        words=CIRCUIT,
        alarm=1,
    ),
    stat(
        "Writes fail",
        "none",
        "YES: the disk is full, or the database does not answer. See Disk full in the runbook.",
        "max(toolbridge_api_degraded{$S})",
        words=DEGRADED,
        alarm=1,
    ),
    stat(
        "Calls that fail",
        "percentunit",
        "The share of calls that ended with an error, whoever's fault it was. Errors by class, "
        "below, say which.",
        '1 - sum(rate(toolbridge_calls_total{$S,outcome="ok"}[$__rate_interval]))'
        " / sum(rate(toolbridge_calls_total{$S}[$__rate_interval]))",
        alarm=0.05,
    ),
    stat(
        "Disk that is free",
        "percentunit",
        "Of the API's disk; no data with PostgreSQL. Below 15 %: extend the volume, or delete old copies.",
        "min(toolbridge_disk_free_bytes{$S} / toolbridge_disk_size_bytes{$S})",
        alarm=0.15,
        above=True,
    ),
    stat(
        "Versions",
        "none",
        "What runs. Several at a time are normal during a deployment only.",
        "count by (version) ({__name__=~'toolbridge_build_info|toolbridge_api_build_info',$S})",
        "{{version}}",
    ),
]

CALLS = [
    Panel(
        "Calls by tool",
        "reqps",
        "How often each tool is called. A tool that is called all the time: look which client does "
        "it, below.",
        {rate("toolbridge_calls_total", "tool") + " > 0": "{{tool}}"},
    ),
    Panel(
        "Errors by class",
        "reqps",
        "Calls that did not end well, by the class of the error. InvalidArguments, NotFound and the "
        "like are a "
        "model's mistakes; NotReached, CircuitOpen, ApiFailed, TimedOut and ToolBridgeError are "
        "ours: read the "
        "log.",
        {rate("toolbridge_calls_total", "outcome", where=FAILED): "{{outcome}}"},
    ),
    Panel(
        "Share of calls that fail, by tool",
        "percentunit",
        "A tool that fails far more often than others is misunderstood by a model, or broken.",
        {
            f"{rate('toolbridge_calls_total', 'tool', where=FAILED)} / "
            f"{rate('toolbridge_calls_total', 'tool')}": "{{tool}}"
        },
        alarm=0.3,
    ),
    Panel(
        "Time of calls",
        "s",
        "From the arrival of a call until its answer was made, over all tools.",
        quantiles("toolbridge_call_seconds"),
        alarm=1,
    ),
    *(by_tool(of) for of in (0.5, 0.95, 0.99)),
    Panel(
        "Messages by method",
        "reqps",
        "All messages of MCP by their method, as OpenTelemetry names them. Many initialize: clients do not "
        "keep their sessions.",
        {rate("mcp_server_operation_duration_seconds_count", "mcp_method_name"): "{{mcp_method_name}}"},
    ),
    Panel(
        "Errors of JSON-RPC",
        "reqps",
        "Messages that were answered with an error of the protocol. They come from clients that do not speak "
        "it well, or that were refused.",
        {rate("mcp_jsonrpc_errors_total", "error_code", "error_message"): "{{error_code}} {{error_message}}"},
    ),
]

TIME = [
    Panel(
        "Time of a call by stage, on average",
        "s",
        "verify the token, wait to be admitted, sign, wait for the API (upstream), shape the result. "
        "upstream "
        "is long: look at the API and the database, below. admit: too many calls at once. verify or "
        "shape: the "
        "gateway lacks processor time.",
        {
            f"{rate('toolbridge_stage_seconds_sum', 'stage')} / "
            f"{rate('toolbridge_stage_seconds_count', 'stage')}": "{{stage}}"
        },
        width=12,
    ),
    Panel(
        "Time of a call by stage, 95 %",
        "s",
        "The same of the slowest calls: 95 % spend less than this in the stage.",
        {quantile(0.95, "toolbridge_stage_seconds", "stage"): "{{stage}}"},
        width=12,
    ),
]

COST = [
    Panel(
        "Tokens that results cost, by tool",
        "short",
        "About how many tokens a second models had to read. The dearest tool is worth a look: ask "
        "for less, by "
        "a limit or a filter.",
        {rate("toolbridge_result_tokens_total", "tool") + " > 0": "{{tool}}"},
    ),
    Panel(
        "Tokens of a result, by tool",
        "short",
        "About how many tokens a result of a tool costs on average.",
        {
            f"{rate('toolbridge_result_tokens_total', 'tool')} / {rate('toolbridge_calls_total', 'tool')}": (
                "{{tool}}"
            )
        },
    ),
    Panel(
        "Largest results, by tool",
        "short",
        "99 % of a tool's results cost fewer tokens than this. Above 10,000 clients begin to cut "
        "results off.",
        {quantile(0.99, "mcp_token_usage_per_call", "tool_name"): "{{tool_name}}"},
    ),
    Panel(
        "Bytes of results, by tool",
        "Bps",
        "The texts that models read, in UTF-8.",
        {rate("toolbridge_result_bytes_total", "tool") + " > 0": "{{tool}}"},
    ),
    Panel(
        "Bytes of requests, by tool",
        "Bps",
        "The messages that ask for calls. Large ones come from models that write whole texts where an edit "
        "would do.",
        {rate("toolbridge_request_bytes_total", "tool") + " > 0": "{{tool}}"},
    ),
    Panel(
        "Calls that were repeated after a mistake",
        "reqps",
        "Calls of a tool after one that failed: recovered, or failed again. Many that failed again: "
        "the text of "
        "the error does not help the model.",
        {rate("mcp_self_correction_total", "status"): "{{status}}"},
    ),
]

SESSIONS = [
    Panel(
        "Sessions by transport",
        "short",
        "Open sessions. They fall to 0 when the gateway restarts, and come back by themselves.",
        {"sum by (transport) (toolbridge_sessions{$S})": "{{transport}}"},
    ),
    Panel(
        "Sessions by client",
        "short",
        "Who is connected, by the name that the client gives itself.",
        {"sum by (client_id) (mcp_active_sessions_by_client{$S})": "{{client_id}}"},
    ),
    Panel(
        "Sessions opened",
        "ops",
        "Many a second: a client opens one for each call, or reconnects without a pause.",
        {rate("mcp_connection_total", "client_id", "transport"): "{{client_id}} {{transport}}"},
        alarm=5,
    ),
    Panel(
        "Sessions ended, by reason",
        "ops",
        "limit: another session needed the place. stalled: the client did not read. expired: its token had. "
        "revoked: somebody ended the connection or disabled the account.",
        {rate("mcp_session_disconnects_total", "reason"): "{{reason}}"},
    ),
    Panel(
        "Calls by client",
        "reqps",
        "Which client works how much. One that calls far more than others may loop: see what it calls.",
        {rate("mcp_tool_calls_total", "client_id"): "{{client_id}}"},
    ),
    Panel(
        "Messages by revision of MCP",
        "reqps",
        "How old the clients are. Old revisions work, but each call costs them more.",
        {rate("mcp_protocol_version_count_total", "version"): "{{version}}"},
    ),
]

REFUSALS = [
    Panel(
        "Refused, by reason",
        "ops",
        "Requests and connections that were refused or ended. token_invalid: tokens expire or the "
        "key changed. token_revoked: clients go on after an account was disabled or a connection ended. "
        "sessions, bodies, connections, answers_unread: somebody takes too much. message_rate, byte_rate: a "
        "client loops.",
        {rate("toolbridge_refused_total", "reason") + " > 0": "{{reason}}"},
        width=12,
    ),
    Panel(
        "Room that is taken, by kind",
        "percentunit",
        "What callers occupy, in parts of what they may. At 100 % they are refused: raise the limit of that "
        "kind if the machine has the memory.",
        {"toolbridge_held{$S} / toolbridge_limit{$S}": "{{kind}}"},
        width=12,
        alarm=0.8,
    ),
    Panel(
        "Calls at work and waiting",
        "short",
        "Calls that wait for a place: the gateway does as much as it may at once.",
        {
            "sum(toolbridge_calls_running{$S})": "running",
            "sum(toolbridge_calls_waiting{$S})": "waiting",
        },
    ),
    Panel(
        "Too often, by client",
        "ops",
        "Calls and messages that were refused because a user makes too many. The log's request lines "
        "name the "
        "user.",
        {rate("mcp_rate_limit_total", "client_id"): "{{client_id}}"},
    ),
    Panel(
        "Age of the keys",
        "s",
        "Time since the identity provider's keys were read; 0 with a shared secret. Above an hour: "
        "the key set "
        "cannot be read.",
        {
            "toolbridge_keys_age_seconds{$S}": "gateway",
            "toolbridge_api_keys_age_seconds{$S}": "API",
        },
        alarm=3600,
    ),
    Panel(
        "Age of what is known of the sign-in",
        "s",
        "Time since the API told the gateway the keys of the sign-in and what was revoked; 0 if there "
        "is none. Above 30 s: streams of users who are disabled stay open.",
        {"toolbridge_login_state_age_seconds{$S}": "{{instance}}"},
        alarm=30,
    ),
    Panel(
        "Clocks apart",
        "s",
        "How far the clocks of gateway and API are apart. Above 60 s (300 s with signatures of v1) the API "
        "refuses every call: see Clock in the runbook.",
        {"abs(toolbridge_clock_difference_seconds{$S})": "{{instance}}"},
        alarm=30,
    ),
    Panel(
        "Age of the secrets",
        "s",
        "Of each live key of a list, by use and id. From 90 days on it should be changed: see Rotating "
        "secrets in the runbook. The day of a bare secret is not known.",
        {
            "toolbridge_key_age_seconds{$S}": "{{use}} {{key}}",
            "toolbridge_api_key_age_seconds{$S}": "{{use}} {{key}}, API",
        },
        alarm=90 * 86_400,
    ),
]

API = [
    Panel(
        "Requests of the gateway to the API",
        "reqps",
        "By outcome. not reached, timed out and answer lost: the API is down or frozen. 4xx are mistakes of "
        "models.",
        {rate("toolbridge_api_requests_total", "outcome"): "{{outcome}}"},
    ),
    Panel(
        "Sign-ins, by result",
        "ops",
        "By a password or a link. refused and waiting: somebody tries passwords; the lines sign-in have the "
        "address. crowded: more people at once than there is room for. failed: the API or its database.",
        {rate("toolbridge_api_sign_ins_total", "result"): "{{result}}"},
    ),
    Panel(
        "Tokens of the sign-in",
        "ops",
        "Access tokens that the API has issued, by what they were given for. reused: refresh tokens that "
        "came again after their time, so that their connection was ended.",
        {
            rate("toolbridge_api_login_tokens_total", "grant"): "{{grant}}",
            rate("toolbridge_api_refresh_reused_total"): "reused",
        },
    ),
    Panel(
        "Repeated requests, by reason",
        "ops",
        "What failed and was tried again. Now and then is normal.",
        {rate("toolbridge_api_retries_total", "reason"): "{{reason}}"},
    ),
    Panel(
        "Time of routes, 95 %",
        "s",
        "95 % of the requests for a route are faster. One route alone is slow: look at its statements.",
        {
            quantile(
                0.95, "http_server_request_duration_seconds", "http_request_method", "http_route"
            ): "{{http_request_method}} {{http_route}}"
        },
    ),
    Panel(
        "Errors of the API, by code",
        "ops",
        "The codes of docs/rest-api.md. invalid_tenant: gateway and API disagree. quota_exceeded: a user is "
        "full. internal: report it.",
        {rate("toolbridge_api_errors_total", "code") + " > 0": "{{code}}"},
    ),
    Panel(
        "Refused signatures, by reason",
        "ops",
        "The reasons of docs/metrics.md. process now and then is normal. mac, key, clock: gateway and API "
        "disagree. replay, downgrade: somebody is between them.",
        {rate("toolbridge_api_signature_refusals_total", "reason") + " > 0": "{{reason}}"},
    ),
    Panel(
        "Time of statements, 95 %",
        "s",
        "95 % of the statements with a name are faster. All are slow: the disk or PostgreSQL is.",
        {
            quantile(
                0.95, "db_client_operation_duration_seconds", "db_operation_name"
            ): "{{db_operation_name}}"
        },
    ),
    Panel(
        "Statements",
        "ops",
        "How many statements the database carries out.",
        {rate("db_client_operation_duration_seconds_count", "db_operation_name"): "{{db_operation_name}}"},
    ),
    Panel(
        "Connections to the database",
        "short",
        "used at max: requests wait for a connection. Raise `DATABASE_MAX_CONNECTIONS` if PostgreSQL "
        "allows it.",
        {
            "sum by (db_client_connection_state) (db_client_connection_count{$S})": (
                "{{db_client_connection_state}}"
            ),
            "sum(db_client_connection_max{$S})": "max",
        },
    ),
    Panel(
        "Database and disk",
        "bytes",
        "The size of the database, and what is free on its disk. No disk is known with PostgreSQL.",
        {
            "sum(toolbridge_database_bytes{$S})": "database",
            "sum(toolbridge_disk_free_bytes{$S})": "free",
            "sum(toolbridge_disk_size_bytes{$S})": "disk",
        },
    ),
    Panel(
        "Fullest quota",
        "percentunit",
        "How much of a quota the fullest user has used. At 100 % writes that add something are refused: "
        "raise `QUOTA_ITEMS` or `QUOTA_BYTES`.",
        {"max by (quota) (toolbridge_api_quota_used_ratio{$S})": "{{quota}}"},
        alarm=0.9,
    ),
]

PROCESS = [
    Panel(
        "Processor time",
        "percentunit",
        "Of one processor. The gateway serves by one process: above 90 % it is the bottleneck, so use faster "
        "processors or more machines.",
        {"rate(process_cpu_seconds_total{$S}[$__rate_interval])": "{{job}} {{instance}}"},
        alarm=0.9,
    ),
    Panel(
        "Memory",
        "bytes",
        "Of both programs. Together they have to fit into the machine.",
        {"process_resident_memory_bytes{$S}": "{{job}} {{instance}}"},
    ),
    Panel(
        "Lateness of the event loop",
        "s",
        "How late the gateway's event loop is. Above 0.1 s everything is slow; after 3 s the process is "
        "replaced.",
        quantiles("toolbridge_event_loop_lag_seconds"),
        alarm=0.1,
    ),
    Panel(
        "Serving processes that were replaced",
        "short",
        "Each time all sessions of the gateway end. Repeatedly: read the log for what came before.",
        {"max by (instance) (toolbridge_processes_replaced{$S})": "{{instance}}"},
        alarm=3,
    ),
    Panel(
        "Open files",
        "short",
        "Connections, mostly. Near the limit of the process new ones are refused.",
        {
            "process_open_fds{$S}": "{{job}} {{instance}}",
            "process_max_fds{$S}": "limit of {{job}} {{instance}}",
        },
    ),
    Panel(
        "Traces that were lost",
        "short",
        "Spans that the collector did not take. Calls are not affected; check the collector's address.",
        {
            increase("toolbridge_traces_dropped_total"): "gateway",
            increase("toolbridge_api_spans_total", where='result="failed"'): "API",
        },
    ),
]

ROWS: dict[str, list[Panel]] = {
    "State": STATE,
    "Calls": CALLS,
    "Where the time goes": TIME,
    "What it costs a model": COST,
    "Sessions and clients": SESSIONS,
    "Refusals and limits": REFUSALS,
    "The API": API,
    "Processes": PROCESS,
}
