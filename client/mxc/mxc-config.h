/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* An MXC configuration, of any version that a released MXC accepts: 0.4 to 0.9 as MXC 0.7 and 0.8 read them, and the closed contracts
 * 0.9.0-alpha, 0.10.0-alpha, 1.0.0 and 1.1.0-alpha as 0.9 and 1.0 do. Text to values: what it says, checked as far as that can be done without a look at
 * this machine. What it means is mxc-request.h's.
 *
 * A text that no released MXC would accept is refused, in the words of the MXC that knows its version, with path, line and column. */

#include <stddef.h>
#include <stdint.h>

#include "mxc-error.h"

#define LIMIT_MXC_CONFIG_BYTES (1024U * 1024)
#define LIMIT_MXC_CONFIG_DEPTH 127U /* MXC's own */
#define LIMIT_MXC_OUTPUT_BYTES (64U * 1024 * 1024) /* of one command's output and of its errors, each, where they are kept to its end */
#define LIMIT_MXC_PATHS 512U        /* of the three filesystem lists together: no more than each of a policy */

typedef enum MxcContract {
        MXC_CONTRACT_LEGACY, /* no version, or 0.4 to 0.9: what is omitted may also be null */
        MXC_CONTRACT_0_9,    /* exactly 0.9.0-alpha; and so on */
        MXC_CONTRACT_0_10,
        MXC_CONTRACT_1_0,
        MXC_CONTRACT_1_1,
        _MXC_CONTRACT_MAX,
} MxcContract;

typedef enum MxcPhase { MXC_ONE_SHOT, MXC_PROVISION, MXC_START, MXC_EXEC, MXC_STOP, MXC_DEPROVISION, _MXC_PHASE_MAX } MxcPhase;

typedef enum MxcContainment { /* absent: process */
        MXC_PROCESS,
        MXC_PROCESS_CONTAINER,
        MXC_VM,
        MXC_WINDOWS_SANDBOX,
        MXC_LXC,
        MXC_MICROVM,
        MXC_HYPERLIGHT,
        MXC_WSLC,
        MXC_SEATBELT,
        MXC_ISOLATION_SESSION,
        MXC_BUBBLEWRAP,
        _MXC_CONTAINMENT_MAX,
} MxcContainment;

typedef enum MxcEnforcement { MXC_CAPABILITIES, MXC_FIREWALL, MXC_BOTH, _MXC_ENFORCEMENT_MAX } MxcEnforcement;
typedef enum MxcClipboard { MXC_CLIPBOARD_NONE, MXC_CLIPBOARD_READ, MXC_CLIPBOARD_WRITE, MXC_CLIPBOARD_ALL, _MXC_CLIPBOARD_MAX } MxcClipboard;
typedef enum MxcProtocol { MXC_TCP, MXC_UDP, MXC_ICMP, MXC_ANY, _MXC_PROTOCOL_MAX } MxcProtocol;

typedef struct MxcStrings {
        char **items;
        size_t n;
} MxcStrings;

typedef struct MxcPeer {
        char *cidr; /* as it was given */
        MxcStrings except;
} MxcPeer;

typedef struct MxcPort {
        MxcProtocol protocol;
        uint16_t port, end_port; /* 0: any; end_port is never below port */
} MxcPort;

typedef struct MxcRule {
        MxcPeer *to; /* none: any */
        size_t n_to;
        MxcPort *ports; /* none: any */
        size_t n_ports;
} MxcRule;

typedef struct MxcDirection {
        bool allow; /* by default */
        MxcRule *allow_rules, *deny_rules;
        size_t n_allow_rules, n_deny_rules;
} MxcDirection;

typedef enum MxcProxyKind { MXC_PROXY_NONE, MXC_PROXY_LOCALHOST, MXC_PROXY_URL, MXC_PROXY_TEST_SERVER } MxcProxyKind;
typedef struct MxcProxy {
        MxcProxyKind kind;
        bool https;
        char *host; /* lower case; an IPv6 address without its brackets */
        uint16_t port;
} MxcProxy;

typedef struct MxcNetwork {
        bool directional; /* the model: the next four, or the six after them */
        bool said;        /* anything of either is in the text */
        MxcDirection egress;
        bool ingress_allow, host_loopback_allow;
        bool allow; /* defaultPolicy */
        bool local, local_said;
        MxcEnforcement enforcement;
        MxcStrings allowed_hosts, blocked_hosts;
        MxcProxy proxy; /* of both models */
} MxcNetwork;

typedef struct MxcConfig {
        MxcContract contract;
        char *version;         /* NULL: absent */
        bool since_0_8;        /* the network is enforced as MXC does from version 0.8 on */
        MxcPhase phase;
        MxcContainment containment;
        bool containment_said;
        char *container_id;    /* and all below: NULL where absent */
        char *sandbox_id, *correlation_vector;

        bool process_said;
        char *command_line;
        char *cwd;             /* "" is absent */
        MxcStrings env;        /* "K=V", as they were given, in their order */
        bool env_said, inherit_default_env;
        uint32_t timeout_ms;   /* 0: none */

        bool destroy_on_exit, preserve_policy;
        MxcStrings readwrite, readonly, denied; /* checked as text */
        MxcNetwork network;
        bool ui_said, ui_disable, ui_injection;
        MxcClipboard clipboard;
        bool telemetry_said, telemetry;
        char *lxc_distribution, *lxc_release;
        char *wslc_image, *wslc_image_tar; /* one-shot or provision */
        bool wslc_ports;       /* provision: of the host, that should lead in */
        char *app_id;          /* isolationSession.provision.appId, experimental.isolation_session.provision.appId */

        MxcStrings warnings;   /* what is accepted and has no effect, and what was tightened */
} MxcConfig;

/* 0; -EINVAL with *error filled, *ret untouched; -ENOMEM. text needs no NUL at its end. The caller frees with mxc_config_free(). error starts zeroed and
 * may be NULL. */
int mxc_config_parse(const char *text, size_t size, MxcConfig **ret, MxcError *error);
/* Whether a text that was refused asks for a phase, as far as it can be read: who sends one wants an answer in any case. */
bool mxc_config_asks_for_phase(const char *text, size_t size);
void mxc_config_free(MxcConfig *c);
DEFINE_CLEANUP(MxcConfig *, mxc_config_free);

/* "isolation_session", as configurations spell it. Static. */
const char *mxc_containment_word(MxcContainment containment);
const char *mxc_phase_word(MxcPhase phase); /* "provision"; NULL of a one-shot request */
