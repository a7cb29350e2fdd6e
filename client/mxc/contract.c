/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "contract.h"

/* Names, their order, and what of them is required are the released programs' own: they are in every refusal. Two families: LEGACY, where null is as good as
 * nothing, and the closed contracts (X). */

#define WORDS(...)                                                                                          \
        .words = (const char *const[]){ __VA_ARGS__ },                                                      \
        .n_words = ELEMENTSOF(((const char *const[]){ __VA_ARGS__ }))
#define FIELDS(...)                                                                                         \
        .fields = (const ShapeField[]){ __VA_ARGS__ },                                                      \
        .n_fields = ELEMENTSOF(((const ShapeField[]){ __VA_ARGS__ }))

static const Shape any = { .kind = SHAPE_ANY };
static const Shape string = { .kind = SHAPE_STRING, .name = "a string" };
static const Shape text = { .kind = SHAPE_STRING, .name = "a string", .some = true };
static const Shape secret = { .kind = SHAPE_STRING, .name = "a string", .secret = true };
static const Shape boolean = { .kind = SHAPE_BOOL, .name = "a boolean" };
static const Shape u16 = { .kind = SHAPE_NUMBER, .name = "u16", .max = UINT16_MAX };
static const Shape port = { .kind = SHAPE_NUMBER, .name = "a nonzero u16", .min = 1, .max = UINT16_MAX };
static const Shape secret_boolean = { .kind = SHAPE_BOOL, .name = "a boolean", .secret = true };
static const Shape secret_u16 = { .kind = SHAPE_NUMBER, .name = "u16", .max = UINT16_MAX, .secret = true };
static const Shape u32 = { .kind = SHAPE_NUMBER, .name = "u32", .max = UINT32_MAX };
static const Shape u64 = { .kind = SHAPE_NUMBER, .name = "u64", .max = UINT64_MAX };
static const Shape strings = { .kind = SHAPE_LIST, .name = "a sequence", .element = &string };
static const Shape secrets = {
        .kind = SHAPE_LIST, .name = "a sequence", .element = &secret, .secret = true
};

const char *const mxc_containment_words[_MXC_CONTAINMENT_MAX] = {
        [MXC_PROCESS] = "process",
        [MXC_PROCESS_CONTAINER] = "processcontainer",
        [MXC_VM] = "vm",
        [MXC_WINDOWS_SANDBOX] = "windows_sandbox",
        [MXC_LXC] = "lxc",
        [MXC_MICROVM] = "microvm",
        [MXC_HYPERLIGHT] = "hyperlight",
        [MXC_WSLC] = "wslc",
        [MXC_SEATBELT] = "seatbelt",
        [MXC_ISOLATION_SESSION] = "isolation_session",
        [MXC_BUBBLEWRAP] = "bubblewrap",
};

const char *const mxc_phase_words[_MXC_PHASE_MAX] = {
        [MXC_PROVISION] = "provision",
        [MXC_START] = "start",
        [MXC_EXEC] = "exec",
        [MXC_STOP] = "stop",
        [MXC_DEPROVISION] = "deprovision",
};

/* What both have alike but for null. */
#define SHAPE_LIFECYCLE(lax_)                                                                               \
        {                                                                                                   \
                .kind = SHAPE_STRUCT, .name = "struct Lifecycle", .lax = lax_,                              \
                FIELDS({ "destroyOnExit", &boolean }, { "preservePolicy", &boolean })                       \
        }
#define SHAPE_FILESYSTEM(lax_)                                                                              \
        {                                                                                                   \
                .kind = SHAPE_STRUCT, .name = "struct Filesystem", .lax = lax_,                             \
                FIELDS({ "readwritePaths", &strings }, { "readonlyPaths", &strings },                       \
                                { "deniedPaths", &strings })                                                \
        }
#define SHAPE_FALLBACK(lax_)                                                                                \
        {                                                                                                   \
                .kind = SHAPE_STRUCT, .name = "struct Fallback", .lax = lax_,                               \
                FIELDS({ "allowDaclMutation", &boolean })                                                   \
        }
#define SHAPE_RUNTIME(lax_)                                                                                 \
        {                                                                                                   \
                .kind = SHAPE_STRUCT, .name = "struct RuntimeConfig", .lax = lax_, .secret = true,          \
                FIELDS({ "networkProxy", &secret })                                                         \
        }
#define SHAPE_PEER_NETWORK(lax_)                                                                            \
        {                                                                                                   \
                .kind = SHAPE_STRUCT, .name = "struct ProcessContainerNetwork", .lax = lax_,                \
                FIELDS({ "allowedProxyPeer", &string })                                                     \
        }

/* LEGACY: 0.4 to 0.9, as MXC 0.8.0 has them */
static const Shape l_containment = { .kind = SHAPE_WORD,
        .name = "enum Containment",
        .lax = true,
        WORDS("process", "appcontainer", "processcontainer", "vm", "windows_sandbox", "lxc", "microvm",
                        "hyperlight", "wslc", "macos_sandbox", "seatbelt", "isolation_session",
                        "bubblewrap") };
static const Shape l_phase = { .kind = SHAPE_WORD,
        .name = "enum Phase",
        .lax = true,
        WORDS("provision", "start", "exec", "stop", "deprovision") };
static const Shape l_process = { .kind = SHAPE_STRUCT,
        .name = "struct Process",
        .lax = true,
        FIELDS({ "commandLine", &string }, { "cwd", &string }, { "env", &secrets }, { "timeout", &u32 }) };
static const Shape l_lifecycle = SHAPE_LIFECYCLE(true);
static const Shape l_filesystem = SHAPE_FILESYSTEM(true);
static const Shape l_fallback = SHAPE_FALLBACK(true);
static const Shape l_runtime = SHAPE_RUNTIME(true);
static const Shape l_clipboard = { .kind = SHAPE_WORD,
        .name = "enum ClipboardPolicy",
        .lax = true,
        WORDS("none", "read", "write", "all") };
static const Shape l_ui = { .kind = SHAPE_STRUCT,
        .name = "struct Ui",
        .lax = true,
        FIELDS({ "disable", &boolean }, { "clipboard", &l_clipboard }, { "injection", &boolean }) };
static const Shape l_lxc = { .kind = SHAPE_STRUCT,
        .name = "struct Lxc",
        .lax = true,
        FIELDS({ "distribution", &string }, { "release", &string }) };
static const Shape l_seatbelt = { .kind = SHAPE_STRUCT,
        .name = "struct Seatbelt",
        .lax = true,
        FIELDS({ "profileOverride", &string }, { "guiAccess", &boolean }, { "launchMethod", &string },
                        { "nestedPty", &boolean }, { "keychainAccess", &boolean },
                        { "extraMachLookups", &strings }) };
static const Shape l_capture_mode = {
        .kind = SHAPE_WORD, .name = "enum CaptureDenialsMode", .lax = true, WORDS("block", "allow")
};
static const Shape l_capture = { .kind = SHAPE_STRUCT,
        .name = "struct CaptureDenials",
        .lax = true,
        FIELDS({ "mode", &l_capture_mode }, { "outputPath", &string }, { "retainEtl", &boolean }) };
static const Shape l_isolation = { .kind = SHAPE_WORD,
        .name = "enum UiIsolation",
        .lax = true,
        WORDS("desktop", "handles", "atoms", "container") };
static const Shape l_process_ui = { .kind = SHAPE_STRUCT,
        .name = "struct BaseProcessUi",
        .lax = true,
        FIELDS({ "isolation", &l_isolation }, { "desktopSystemControl", &boolean },
                        { "systemSettings", &string }, { "ime", &boolean }) };
static const Shape l_peer_network = SHAPE_PEER_NETWORK(true);
static const Shape l_process_container = { .kind = SHAPE_STRUCT,
        .name = "struct ProcessContainer",
        .lax = true,
        FIELDS({ "leastPrivilege", &boolean }, { "learningMode", &boolean }, { "capabilities", &strings },
                        { "captureDenials", &l_capture }, { "ui", &l_process_ui },
                        { "network", &l_peer_network }) };

static const Shape l_default = {
        .kind = SHAPE_WORD, .name = "enum NetworkPolicy", .lax = true, WORDS("allow", "block")
};
static const Shape l_action = {
        .kind = SHAPE_WORD, .name = "enum NetworkAction", .lax = true, WORDS("allow", "deny")
};
static const Shape l_enforcement = { .kind = SHAPE_WORD,
        .name = "enum NetworkEnforcementMode",
        .lax = true,
        WORDS("capabilities", "firewall", "both") };
static const Shape l_protocol = {
        .kind = SHAPE_WORD, .name = "enum NetworkProtocol", .lax = true, WORDS("tcp", "udp", "icmp", "any")
};
static const Shape l_proxy = { .kind = SHAPE_STRUCT,
        .name = "struct Proxy",
        .lax = true,
        .secret = true,
        FIELDS({ "localhost", &secret_u16 }, { "builtinTestServer", &secret_boolean }, { "url", &secret }) };
static const Shape l_peer = { .kind = SHAPE_STRUCT,
        .name = "struct NetworkPeer",
        .lax = true,
        FIELDS({ "cidr", &string, .required = true }, { "except", &strings }) };
static const Shape l_peers = { .kind = SHAPE_LIST, .name = "a sequence", .element = &l_peer };
static const Shape l_port = { .kind = SHAPE_STRUCT,
        .name = "struct NetworkPort",
        .lax = true,
        FIELDS({ "protocol", &l_protocol }, { "port", &u16 }, { "endPort", &u16 }) };
static const Shape l_ports = { .kind = SHAPE_LIST, .name = "a sequence", .element = &l_port };
static const Shape l_rule = { .kind = SHAPE_STRUCT,
        .name = "struct NetworkRule",
        .lax = true,
        FIELDS({ "to", &l_peers }, { "ports", &l_ports }) };
static const Shape l_rules = { .kind = SHAPE_LIST, .name = "a sequence", .element = &l_rule };
static const Shape l_egress = { .kind = SHAPE_STRUCT,
        .name = "struct NetworkEgress",
        .lax = true,
        FIELDS({ "default", &l_action }, { "allow", &l_rules }, { "deny", &l_rules }) };
static const Shape l_ingress = { .kind = SHAPE_STRUCT,
        .name = "struct NetworkIngress",
        .lax = true,
        FIELDS({ "default", &l_action }, { "hostLoopback", &l_action }) };
static const Shape l_network = { .kind = SHAPE_STRUCT,
        .name = "struct Network",
        .lax = true,
        FIELDS({ "defaultPolicy", &l_default }, { "enforcementMode", &l_enforcement },
                        { "allowLocalNetwork", &boolean }, { "allowedHosts", &strings },
                        { "blockedHosts", &strings }, { "proxy", &l_proxy }, { "egress", &l_egress },
                        { "ingress", &l_ingress }) };

/* What is in here belongs to backends that are not here; of it only what later phases need is read. */
static const Shape l_iso_provision = { .kind = SHAPE_STRUCT,
        .name = "struct IsolationSessionProvisionPhase",
        .lax = true,
        .open = true,
        FIELDS({ "appId", &string }) };
static const Shape l_iso = { .kind = SHAPE_STRUCT,
        .name = "struct IsolationSession",
        .lax = true,
        .open = true,
        FIELDS({ "provision", &l_iso_provision }) };
static const Shape l_wslc_provision = { .kind = SHAPE_STRUCT,
        .name = "struct WslcProvisionPhase",
        .lax = true,
        .open = true,
        FIELDS({ "image", &string }, { "imageTarPath", &string }) };
static const Shape l_wslc = { .kind = SHAPE_STRUCT,
        .name = "struct Wslc",
        .lax = true,
        .open = true,
        FIELDS({ "image", &string }, { "imageTarPath", &string }, { "provision", &l_wslc_provision }) };
static const Shape l_wsb = {
        .kind = SHAPE_STRUCT, .name = "struct WindowsSandbox", .lax = true, .open = true
};
static const Shape l_test = {
        .kind = SHAPE_STRUCT, .name = "struct TestFeature", .lax = true, .open = true
};
static const Shape l_telemetry = { .kind = SHAPE_STRUCT,
        .name = "struct Telemetry",
        .lax = true,
        .open = true,
        FIELDS({ "enabled", &boolean }) };
static const Shape l_experimental = { .kind = SHAPE_STRUCT,
        .name = "struct Experimental",
        .lax = true,
        .open = true,
        FIELDS({ "test", &l_test }, { "windows_sandbox", &l_wsb }, { "wslc", &l_wslc },
                        { "isolation_session", &l_iso }, { "telemetry", &l_telemetry },
                        { "macos_sandbox", &l_seatbelt, .same_as = "seatbelt" },
                        { "seatbelt", &l_seatbelt }) };

static const Shape legacy = { .kind = SHAPE_STRUCT,
        .name = "a configuration object",
        .lax = true,
        FIELDS({ "$schema", &string }, { "_comment", &any }, { "version", &string }, { "phase", &l_phase },
                        { "sandboxId", &string }, { "correlationVector", &string },
                        { "containerId", &string }, { "containment", &l_containment },
                        { "process", &l_process }, { "lifecycle", &l_lifecycle },
                        { "appContainer", &l_process_container, .same_as = "processContainer" },
                        { "processContainer", &l_process_container }, { "lxc", &l_lxc },
                        { "filesystem", &l_filesystem }, { "fallback", &l_fallback },
                        { "network", &l_network }, { "runtimeConfig", &l_runtime }, { "ui", &l_ui },
                        { "macos_sandbox", &l_seatbelt, .same_as = "seatbelt" }, { "seatbelt", &l_seatbelt },
                        { "experimental", &l_experimental }) };

/* X: the closed contracts, as MXC 0.9.0 and 1.0.1 have them */
#define X_CONTAINMENT(...)                                                                                  \
        { .kind = SHAPE_WORD, .name = "a valid Containment string", WORDS(__VA_ARGS__) }
static const Shape x_containment[_MXC_CONTRACT_MAX] = {
        [MXC_CONTRACT_0_9] = X_CONTAINMENT("process", "processcontainer", "appcontainer", "lxc",
                        "bubblewrap", "seatbelt", "macos_sandbox", "isolation_session", "wslc"),
        [MXC_CONTRACT_0_10] = X_CONTAINMENT("process", "processcontainer", "appcontainer", "lxc",
                        "bubblewrap", "seatbelt", "macos_sandbox", "vm", "windows_sandbox", "microvm",
                        "hyperlight", "wslc", "isolation_session"),
        [MXC_CONTRACT_1_0] = X_CONTAINMENT("process", "processcontainer", "lxc", "bubblewrap", "seatbelt",
                        "isolation_session", "wslc"),
        [MXC_CONTRACT_1_1] = X_CONTAINMENT("process", "processcontainer", "lxc", "bubblewrap", "seatbelt",
                        "vm", "windows_sandbox", "microvm", "hyperlight", "wslc", "isolation_session"),
};
static const Shape x_process = { .kind = SHAPE_STRUCT,
        .name = "struct Process",
        FIELDS({ "commandLine", &text, .required = true }, { "cwd", &string }, { "env", &secrets },
                        { "inheritDefaultEnv", &boolean }, { "timeout", &u32 }) };
static const Shape x_lifecycle = SHAPE_LIFECYCLE(false);
static const Shape x_filesystem = SHAPE_FILESYSTEM(false);
static const Shape x_fallback = SHAPE_FALLBACK(false);
static const Shape x_runtime = SHAPE_RUNTIME(false);
static const Shape x_clipboard = {
        .kind = SHAPE_WORD, .name = "a valid UiClipboard string", WORDS("none", "read", "write", "all")
};
static const Shape x_ui = { .kind = SHAPE_STRUCT,
        .name = "struct Ui",
        FIELDS({ "disable", &boolean }, { "clipboard", &x_clipboard }, { "injection", &boolean }) };
static const Shape x_lxc = { .kind = SHAPE_STRUCT,
        .name = "struct Lxc",
        FIELDS({ "distribution", &string, .required = true }, { "release", &string, .required = true }) };
static const Shape x_seatbelt = { .kind = SHAPE_STRUCT,
        .name = "struct Seatbelt",
        FIELDS({ "profileOverride", &string }, { "guiAccess", &boolean }, { "nestedPty", &boolean },
                        { "keychainAccess", &boolean }, { "extraMachLookups", &strings }) };
static const Shape x_capture_mode = {
        .kind = SHAPE_WORD, .name = "a valid CaptureDenialsMode string", WORDS("block", "allow")
};
static const Shape x_capture = { .kind = SHAPE_STRUCT,
        .name = "struct CaptureDenials",
        FIELDS({ "mode", &x_capture_mode }, { "outputPath", &string }, { "retainEtl", &boolean }) };
static const Shape x_isolation = { .kind = SHAPE_WORD,
        .name = "a valid ProcessContainerUiIsolation string",
        WORDS("container", "desktop", "handles", "atoms") };
static const Shape x_settings = { .kind = SHAPE_WORD,
        .name = "a valid ProcessContainerUiSystemSettings string",
        WORDS("none", "parameters", "display", "all") };
#define X_PROCESS_UI(settings)                                                                              \
        {                                                                                                   \
                .kind = SHAPE_STRUCT, .name = "struct ProcessContainerUi",                                  \
                FIELDS({ "isolation", &x_isolation }, { "desktopSystemControl", &boolean },                 \
                                { "systemSettings", settings }, { "ime", &boolean })                        \
        }
static const Shape x_process_ui = X_PROCESS_UI(&string), x_process_ui_1_1 = X_PROCESS_UI(&x_settings);
static const Shape x_peer_network = SHAPE_PEER_NETWORK(false);
static const Shape x_enumerate = { .kind = SHAPE_STRUCT,
        .name = "struct ProcessContainerFilesystem",
        FIELDS({ "enumeratePaths", &strings }) };
#define X_PROCESS_CONTAINER(ui)                                                                             \
        {                                                                                                   \
                .kind = SHAPE_STRUCT, .name = "struct ProcessContainer",                                    \
                FIELDS({ "leastPrivilege", &boolean }, { "learningMode", &boolean },                        \
                                { "capabilities", &strings }, { "captureDenials", &x_capture },             \
                                { "ui", ui }, { "filesystem", &x_enumerate },                               \
                                { "network", &x_peer_network })                                             \
        }
static const Shape x_process_container = X_PROCESS_CONTAINER(&x_process_ui),
                   x_process_container_1_1 = X_PROCESS_CONTAINER(&x_process_ui_1_1);

static const Shape x_action = {
        .kind = SHAPE_WORD, .name = "a valid NetworkAction string", WORDS("allow", "deny")
};
static const Shape x_protocol = {
        .kind = SHAPE_WORD, .name = "a valid NetworkProtocol string", WORDS("tcp", "udp", "icmp", "any")
};
static const Shape x_peer = { .kind = SHAPE_STRUCT,
        .name = "struct NetworkPeer",
        FIELDS({ "cidr", &string, .required = true }, { "except", &strings }) };
static const Shape x_peers = { .kind = SHAPE_LIST, .name = "a sequence", .element = &x_peer, .some = true };
static const Shape x_port = { .kind = SHAPE_STRUCT,
        .name = "struct NetworkPort",
        FIELDS({ "port", &port }, { "endPort", &port }, { "protocol", &x_protocol }) };
static const Shape x_ports = { .kind = SHAPE_LIST, .name = "a sequence", .element = &x_port, .some = true };
static const Shape x_rule = {
        .kind = SHAPE_STRUCT, .name = "struct NetworkRule", FIELDS({ "to", &x_peers }, { "ports", &x_ports })
};
static const Shape x_rules = { .kind = SHAPE_LIST, .name = "a sequence", .element = &x_rule };
static const Shape x_egress = { .kind = SHAPE_STRUCT,
        .name = "struct NetworkEgress",
        FIELDS({ "default", &x_action }, { "allow", &x_rules }, { "deny", &x_rules }) };
static const Shape x_ingress = { .kind = SHAPE_STRUCT,
        .name = "struct NetworkIngress",
        FIELDS({ "default", &x_action }, { "hostLoopback", &x_action }) };
static const Shape x_network = { .kind = SHAPE_STRUCT,
        .name = "struct Network",
        FIELDS({ "egress", &x_egress }, { "ingress", &x_ingress },
                        { "defaultPolicy", .hint = "use network.egress.default ('allow' or 'deny')" },
                        { "enforcementMode", .hint = "use directional network policy; enforcement is "
                                                     "selected by the backend" },
                        { "proxy", .hint = "use runtimeConfig.networkProxy with a proxy URL" },
                        { "allowedHosts", .hint = "use network.egress.allow/deny CIDR rules; hostnames "
                                                  "cannot be losslessly converted" },
                        { "blockedHosts", .hint = "use network.egress.allow/deny CIDR rules; hostnames "
                                                  "cannot be losslessly converted" },
                        { "allowLocalNetwork", .hint = "use network.ingress.default and "
                                                       "network.ingress.hostLoopback" }) };
static const Shape x_telemetry = {
        .kind = SHAPE_STRUCT, .name = "struct Telemetry", FIELDS({ "enabled", &boolean })
};
static const Shape x_transport = {
        .kind = SHAPE_WORD, .name = "a valid TransportProtocol string", WORDS("tcp")
};
static const Shape x_mapping = { .kind = SHAPE_STRUCT,
        .name = "struct PortMapping",
        FIELDS({ "windowsPort", &port, .required = true }, { "containerPort", &port, .required = true },
                        { "protocol", &x_transport }) };
static const Shape x_mappings = { .kind = SHAPE_LIST, .name = "a sequence", .element = &x_mapping };
static const Shape x_wslc = { .kind = SHAPE_STRUCT,
        .name = "struct OneShotWslc",
        FIELDS({ "targetOs", &string }, { "image", &string }, { "imageTarPath", &string },
                        { "cpuCount", &u32 }, { "memoryMb", &u64 }, { "gpu", &boolean },
                        { "storagePath", &string }, { "portMappings", &x_mappings }) };
static const Shape x_test = {
        .kind = SHAPE_STRUCT, .name = "struct TestFeature", FIELDS({ "message", &string })
};
static const Shape x_wsb = { .kind = SHAPE_STRUCT,
        .name = "struct WindowsSandbox",
        FIELDS({ "idleTimeoutMs", &u32 }, { "idleTimeout", &u32 }, { "daemonPipeName", &string }) };
static const Shape x_hyperlight = {
        .kind = SHAPE_STRUCT, .name = "struct OneShotHyperlight", FIELDS({ "runtime", &string })
};

#define X_HEAD(i)                                                                                           \
        { "$schema", &string }, { "_comment", &any }, { "version", &string, .required = true },             \
                        { "containerId", &string }, { "containment", &x_containment[i] },                   \
                        { "lifecycle", &x_lifecycle }, { "process", &x_process, .required = true },         \
                        { "filesystem", &x_filesystem }, { "fallback", &x_fallback },                       \
                        { "network", &x_network }, {                                                        \
                "ui", &x_ui                                                                                 \
        }
static const Shape x_one_shot[_MXC_CONTRACT_MAX] = {
        [MXC_CONTRACT_0_9] = { .kind = SHAPE_STRUCT,
                        .name = "struct OneShotRequest",
                        FIELDS(X_HEAD(MXC_CONTRACT_0_9),
                                        { "appContainer", &x_process_container,
                                                        .same_as = "processContainer" },
                                        { "processContainer", &x_process_container }, { "lxc", &x_lxc },
                                        { "macos_sandbox", &x_seatbelt, .same_as = "seatbelt" },
                                        { "seatbelt", &x_seatbelt }, { "runtimeConfig", &x_runtime },
                                        { "telemetry", &x_telemetry }, { "wslc", &x_wslc }) },
        [MXC_CONTRACT_0_10] = { .kind = SHAPE_STRUCT,
                        .name = "struct OneShotRequest",
                        FIELDS(X_HEAD(MXC_CONTRACT_0_10),
                                        { "appContainer", &x_process_container,
                                                        .same_as = "processContainer" },
                                        { "processContainer", &x_process_container }, { "lxc", &x_lxc },
                                        { "macos_sandbox", &x_seatbelt, .same_as = "seatbelt" },
                                        { "seatbelt", &x_seatbelt }, { "runtimeConfig", &x_runtime },
                                        { "telemetry", &x_telemetry }, { "test", &x_test },
                                        { "windowsSandbox", &x_wsb }, { "wslc", &x_wslc },
                                        { "hyperlight", &x_hyperlight }) },
        [MXC_CONTRACT_1_0] = { .kind = SHAPE_STRUCT,
                        .name = "struct OneShotRequest",
                        FIELDS(X_HEAD(MXC_CONTRACT_1_0), { "processContainer", &x_process_container },
                                        { "lxc", &x_lxc }, { "seatbelt", &x_seatbelt },
                                        { "runtimeConfig", &x_runtime }, { "telemetry", &x_telemetry },
                                        { "wslc", &x_wslc }) },
        [MXC_CONTRACT_1_1] = { .kind = SHAPE_STRUCT,
                        .name = "struct OneShotRequest",
                        FIELDS(X_HEAD(MXC_CONTRACT_1_1), { "processContainer", &x_process_container_1_1 },
                                        { "lxc", &x_lxc }, { "seatbelt", &x_seatbelt },
                                        { "runtimeConfig", &x_runtime }, { "telemetry", &x_telemetry },
                                        { "test", &x_test }, { "windowsSandbox", &x_wsb },
                                        { "wslc", &x_wslc }, { "hyperlight", &x_hyperlight }) },
};

/* State-aware requests: alike in all four, but that two of them have one backend more. */
#define X_PHASE_HEAD                                                                                        \
        { "$schema", &string }, { "_comment", &any }, { "version", &string, .required = true }, {           \
                "phase", &string, .required = true                                                          \
        }
static const Shape x_iso_provision = {
        .kind = SHAPE_STRUCT, .name = "struct IsolationSessionProvision", FIELDS({ "appId", &string })
};
static const Shape x_iso = { .kind = SHAPE_STRUCT,
        .name = "struct StateAwareIsolationSession",
        FIELDS({ "provision", &x_iso_provision }) };
static const Shape x_wslc_only = { .kind = SHAPE_STRUCT,
        .name = "struct WslcProvision",
        FIELDS({ "image", &string }, { "imageTarPath", &string }) };
static const Shape x_wslc_only_1_1 = { .kind = SHAPE_STRUCT,
        .name = "struct WslcProvision",
        FIELDS({ "image", &string }, { "imageTarPath", &string }, { "portMappings", &x_mappings }) };
static const Shape x_wslc_provision_1_1 = {
        .kind = SHAPE_STRUCT, .name = "struct StateAwareWslc", FIELDS({ "provision", &x_wslc_only_1_1 })
};
static const Shape x_wslc_provision = {
        .kind = SHAPE_STRUCT, .name = "struct StateAwareWslc", FIELDS({ "provision", &x_wslc_only })
};
static const Shape x_provision_iso = { .kind = SHAPE_STRUCT,
        .name = "struct IsolationSessionProvisionRequest",
        FIELDS(X_PHASE_HEAD, { "containment", &string, .required = true },
                        { "network", &x_network, .required = true }, { "telemetry", &x_telemetry },
                        { "isolationSession", &x_iso }) };
#define X_PROVISION_WSLC(section_)                                                                          \
        {                                                                                                   \
                .kind = SHAPE_STRUCT, .name = "struct WslcProvisionRequest",                                \
                FIELDS(X_PHASE_HEAD, { "containment", &string, .required = true },                          \
                                { "filesystem", &x_filesystem }, { "network", &x_network },                 \
                                { "telemetry", &x_telemetry }, { "wslc", section_ })                        \
        }
static const Shape x_provision_wslc = X_PROVISION_WSLC(&x_wslc_provision);
static const Shape x_provision_wslc_1_1 = X_PROVISION_WSLC(&x_wslc_provision_1_1);
static const Shape x_provision_wsb = { .kind = SHAPE_STRUCT,
        .name = "struct WindowsSandboxProvisionRequest",
        FIELDS(X_PHASE_HEAD, { "containment", &string, .required = true }, { "filesystem", &x_filesystem },
                        { "telemetry", &x_telemetry }) };
static const Shape x_simple = { .kind = SHAPE_STRUCT,
        .name = "struct StateAwareRequest",
        FIELDS(X_PHASE_HEAD, { "sandboxId", &string, .required = true }, { "telemetry", &x_telemetry }) };
static const Shape x_exec = { .kind = SHAPE_STRUCT,
        .name = "struct ExecRequest",
        FIELDS(X_PHASE_HEAD, { "sandboxId", &string, .required = true },
                        { "process", &x_process, .required = true }, { "network", &x_network },
                        { "runtimeConfig", &x_runtime }, { "telemetry", &x_telemetry }) };

static const Shape *provision_shape(MxcContract contract, MxcContainment containment) {
        bool experimental = contract == MXC_CONTRACT_0_10 || contract == MXC_CONTRACT_1_1;
        return containment == MXC_ISOLATION_SESSION                      ? &x_provision_iso
               : containment == MXC_WSLC && contract == MXC_CONTRACT_1_1 ? &x_provision_wslc_1_1
               : containment == MXC_WSLC                                 ? &x_provision_wslc
               : containment == MXC_WINDOWS_SANDBOX && experimental      ? &x_provision_wsb
                                                                         : NULL;
}

const Shape *contract_shape(MxcContract contract, MxcPhase phase, MxcContainment containment) {
        if (contract == MXC_CONTRACT_LEGACY)
                return &legacy;
        switch (phase) {
        case MXC_ONE_SHOT:
                return &x_one_shot[contract];
        case MXC_PROVISION:
                return provision_shape(contract, containment);
        case MXC_EXEC:
                return &x_exec;
        case MXC_START:
        case MXC_STOP:
        case MXC_DEPROVISION:
                return &x_simple;
        case _MXC_PHASE_MAX:
                break;
        }
        return NULL;
}

const char *contract_line(MxcContract contract) {
        static const char *const lines[_MXC_CONTRACT_MAX] = { "0.8", "0.9", "0.10", "1.0", "1.1" };
        return lines[contract];
}

/* A number of a version: no sign, no leading zero, at most nine digits. NULL: none. */
static const char *read_number(const char *p, unsigned *ret) {
        size_t n = strspn(p, "0123456789");
        if (n == 0 || n > 9 || (n > 1 && *p == '0'))
                return NULL;
        *ret = (unsigned)strtoul(p, NULL, 10);
        return p + n;
}

/* X.Y.Z, then perhaps -PRERELEASE and +BUILD, of dotted words. */
static bool read_version(const char *version, unsigned *ret_major, unsigned *ret_minor) {
        static const char word[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-.";
        unsigned patch;
        const char *p = read_number(version, ret_major);
        p = p && *p == '.' ? read_number(p + 1, ret_minor) : NULL;
        p = p && *p == '.' ? read_number(p + 1, &patch) : NULL;
        for (const char *mark = "-+"; p && *mark; mark++)
                if (*p == *mark) {
                        size_t n = strspn(p + 1, word);
                        if (n == 0 || p[1] == '.' || p[n] == '.' || memmem(p + 1, n, "..", 2))
                                return false;
                        p += 1 + n;
                }
        return p && *p == '\0';
}

int contract_of(const char *version, MxcContract *ret, bool *ret_since_0_8, MxcError *error) {
        static const char *const exact[_MXC_CONTRACT_MAX] = { [MXC_CONTRACT_0_9] = "0.9.0-alpha",
                [MXC_CONTRACT_0_10] = "0.10.0-alpha",
                [MXC_CONTRACT_1_0] = "1.0.0",
                [MXC_CONTRACT_1_1] = "1.1.0-alpha" };
        unsigned major = 0, minor = 0;
        *ret = MXC_CONTRACT_LEGACY;
        *ret_since_0_8 = true;
        for (MxcContract c = MXC_CONTRACT_0_9; version && c < _MXC_CONTRACT_MAX; c++)
                if (streq(version, exact[c])) {
                        *ret = c;
                        return 0;
                }
        if (version && !read_version(version, &major, &minor))
                return mxc_refuse_config(error,
                                "Invalid schema version '%s': must be semver (e.g., 'X.Y.Z' or "
                                "'X.Y.Z-alpha')",
                                version);
        if (!version || (major == 0 && minor >= 4 && minor <= 9)) {
                *ret_since_0_8 = minor >= 8;
                return 0;
        }
        if (major == 0 && minor < 4)
                return mxc_refuse_config(error,
                                "Config schema version '%s' is older than supported (supported: >=0.4, "
                                "<=1.1). Update your config.",
                                version);
        if (major > 1 || (major == 1 && minor > 1))
                return mxc_refuse_config(error,
                                "Config schema version '%s' is newer than supported (supported: >=0.4, "
                                "<=1.1). Upgrade mxcd.",
                                version);
        return mxc_refuse_config(error, "Unsupported contract version. Registered versions are: 0.4 to 0.9, "
                                        "0.9.0-alpha, 0.10.0-alpha, 1.0.0, "
                                        "1.1.0-alpha");
}
