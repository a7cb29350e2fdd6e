/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules.h"

#include <ctype.h>

#include "block.h"
#include "proxy.h"
#include "text-list.h"

static bool said(const Tree *object, const char *key) {
        const Tree *value = object ? tree_get(object, key) : NULL;
        return value && value->kind != TREE_NULL;
}

/* What a sandbox may do is settled when it is provisioned, and what is said of it later would be passed over: each is told. All that a later request may
 * name is a proxy, where a command of wslc has one. */
static int check_later_phase(const Tree *root, const MxcConfig *c, MxcError *error) {
        static const char *const settled[] = { "defaultPolicy", "enforcementMode", "allowLocalNetwork",
                "allowedHosts", "blockedHosts", "egress", "ingress" };
        const char *phase = mxc_phase_word(c->phase);
        const Tree *network = tree_get(root, "network"), *proxy = tree_get(network, "proxy");
        for (const char *const *p = (const char *const[]){ "filesystem", "ui", NULL }; *p; p++)
                if (said(root, *p))
                        return mxc_refuse(error, MXC_POLICY_VALIDATION,
                                        "%s policy is fixed at provision and cannot be changed on phase "
                                        "'%s'; omit '%s'",
                                        *p, phase, *p);
        for (size_t i = 0; i < ELEMENTSOF(settled); i++)
                if (said(network, settled[i]))
                        return mxc_refuse(error, MXC_POLICY_VALIDATION,
                                        "network policy is fixed at provision and cannot be changed on "
                                        "phase '%s'; omit network.%s",
                                        phase, settled[i]);
        bool has = said(network, "proxy") || said(tree_get(root, "runtimeConfig"), "networkProxy");
        if (has && (c->phase != MXC_EXEC || strncmp(c->sandbox_id, "iso:", 4) == 0))
                return mxc_refuse(error, MXC_POLICY_VALIDATION,
                                "the network cannot be routed through a proxy on phase '%s' of this "
                                "sandbox; "
                                "remove it: commands of wslc may have one",
                                phase);
        if (said(proxy, "localhost") || said(proxy, "builtinTestServer"))
                return mxc_refuse(error, MXC_POLICY_VALIDATION,
                                "WSLc: network.proxy must use the 'url' form (e.g. \"url\": "
                                "\"http://proxy.example:8080\")");
        return 0;
}

int rules_check_phase(const Tree *root, const MxcConfig *c, MxcError *error) {
        static const char *const one_shot[] = { "seatbelt", "macos_sandbox", "processContainer",
                "appContainer", "lxc", "lifecycle" };
        if (c->phase == MXC_ONE_SHOT) {
                if (c->sandbox_id)
                        return mxc_refuse_config(error,
                                        "'sandboxId' is only valid on state-aware lifecycle requests");
                if (c->correlation_vector)
                        return mxc_refuse_config(error, "'correlationVector' is only valid on state-aware "
                                                        "lifecycle requests");
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(one_shot); i++)
                if (said(root, one_shot[i]))
                        return mxc_refuse_config(error,
                                        "State-aware lifecycle requests do not accept one-shot section(s): "
                                        "%s. Remove them; backend settings "
                                        "go into the request's own section.",
                                        one_shot[i]);
        if (c->phase == MXC_PROVISION && !c->containment_said)
                return mxc_refuse_config(error, "State-aware 'provision' requests must carry 'containment'");
        if (c->phase != MXC_PROVISION && c->containment_said)
                return mxc_refuse_config(error,
                                "State-aware '%s' requests must not carry 'containment'; the backend is "
                                "fixed at provision and later phases "
                                "route by 'sandboxId'.",
                                mxc_phase_word(c->phase));
        if (c->phase != MXC_PROVISION && !c->sandbox_id)
                return mxc_refuse_config(error, "State-aware '%s' requests must carry 'sandboxId'",
                                mxc_phase_word(c->phase));
        return c->phase == MXC_PROVISION ? 0 : check_later_phase(root, c, error);
}

int rules_check_process(const MxcConfig *c, MxcError *error) {
        if (c->phase != MXC_ONE_SHOT && c->phase != MXC_EXEC)
                return 0;
        if (!c->process_said)
                return mxc_refuse_config(error, "'process' section is required");
        if (!c->command_line)
                return mxc_refuse_config(error, "Missing required field: process.commandLine");
        return *c->command_line ? 0 : mxc_refuse_config(error, "process.commandLine cannot be empty");
}

typedef struct Section {
        const char *name;
        const char *parent; /* or NULL */
        const char *alias;  /* or NULL */
        const char *shown;
        MxcContainment of;
} Section;

static const Section sections[] = {
        { "processContainer", NULL, "appContainer", "processContainer", MXC_PROCESS_CONTAINER },
        { "lxc", NULL, NULL, "lxc", MXC_LXC },
        { "wslc", NULL, NULL, "wslc", MXC_WSLC },
        { "seatbelt", NULL, "macos_sandbox", "seatbelt", MXC_SEATBELT },
        { "windowsSandbox", NULL, NULL, "windowsSandbox", MXC_WINDOWS_SANDBOX },
        { "hyperlight", NULL, NULL, "hyperlight", MXC_HYPERLIGHT },
        { "isolationSession", NULL, NULL, "isolationSession", MXC_ISOLATION_SESSION },
        { "windows_sandbox", "experimental", NULL, "experimental.windows_sandbox", MXC_WINDOWS_SANDBOX },
        { "wslc", "experimental", NULL, "experimental.wslc", MXC_WSLC },
        { "isolation_session", "experimental", NULL, "experimental.isolation_session",
                        MXC_ISOLATION_SESSION },
};

static bool section_said(const Tree *root, const Section *s) {
        const Tree *object = s->parent ? tree_get(root, s->parent) : root;
        return said(object, s->name) || (s->alias && said(object, s->alias));
}

/* Where its own settings are: below experimental in the open contract, where a section of its own did not come with it. */
static const char *section_of(const MxcConfig *c) {
        bool closed = c->contract != MXC_CONTRACT_LEGACY;
        bool moved = c->containment == MXC_WSLC || c->containment == MXC_WINDOWS_SANDBOX ||
                     c->containment == MXC_ISOLATION_SESSION;
        for (size_t i = 0; i < ELEMENTSOF(sections); i++)
                if (sections[i].of == c->containment && (closed || !moved || sections[i].parent))
                        return sections[i].shown;
        return NULL;
}

static int check_moved(const Tree *root, MxcError *error) {
        const Tree *experimental = tree_get(root, "experimental");
        return said(experimental, "seatbelt") || said(experimental, "macos_sandbox")
                               ? mxc_refuse_config(error,
                                                 "'experimental.seatbelt' has moved to the stable section; "
                                                 "use top-level 'seatbelt' instead.")
                               : 0;
}

int rules_check_sections(const Tree *root, const MxcConfig *c, MxcError *error) {
        char names[256] = "";
        size_t n = 0;
        if (c->phase != MXC_ONE_SHOT)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(sections); i++)
                if (sections[i].of != c->containment && section_said(root, &sections[i]))
                        n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n > 0 ? ", " : "",
                                        sections[i].shown);
        if (n == 0)
                return check_moved(root, error);
        const char *own = section_of(c);
        const char *word = mxc_containment_word(
                        c->containment == MXC_PROCESS ? MXC_BUBBLEWRAP : c->containment);
        if (!own)
                return mxc_refuse_config(error,
                                "Multiple containment backends configured: 'containment' is '%s' (no "
                                "per-backend section is defined for this "
                                "backend), but the config includes backend section(s): %s. Only one backend "
                                "section is allowed; remove the "
                                "unused section(s).",
                                word, names);
        return mxc_refuse_config(error,
                        "Multiple containment backends configured: 'containment' is '%s' (allows the '%s' "
                        "section), but the config also "
                        "includes unrelated backend section(s): %s. Only one backend section is allowed; "
                        "remove the unused section(s).",
                        word, own, names);
}

int rules_check_gate(const MxcConfig *c, bool new, MxcError *error) {
        return !new || c->since_0_8
                               ? 0
                               : mxc_refuse_config(error,
                                                 "network.egress, network.ingress, runtimeConfig, and "
                                                 "processContainer.network require schema version 0.8 or "
                                                 "later");
}

int rules_check_mix(bool old, bool new, MxcError *error) {
        return !old || !new ? 0
                            : mxc_refuse_config(error, "network configuration cannot mix defaultPolicy, "
                                                       "enforcementMode, allowLocalNetwork, allowedHosts, "
                                                       "blockedHosts, or proxy with egress, ingress, "
                                                       "runtimeConfig, or "
                                                       "processContainer.network");
}

static bool is_blank(const char *text) {
        while (isspace((unsigned char)*text))
                text++;
        return !*text;
}

int rules_take_paths(const Tree *list, MxcStrings *ret, MxcError *error) {
        for (size_t i = 0; list && i < list->n_items; i++) {
                const Tree *path = &list->items[i];
                if (strlen(path->text) != path->size)
                        return mxc_refuse_config(error,
                                        "Filesystem path '%s\\u{0}%s' contains an embedded NUL character",
                                        path->text, path->text + strlen(path->text) + 1);
                if (is_blank(path->text))
                        return mxc_refuse_config(error, "Filesystem path is empty");
                if (strchr(path->text, '"'))
                        return mxc_refuse_config(error,
                                        "Filesystem path '%s' contains invalid character '\"'", path->text);
                if (mxc_strings_add(ret, path->text) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int rules_check_lists(const char *which, size_t index, bool no_to, bool no_ports, MxcError *error) {
        if (no_to)
                return mxc_refuse_config(error,
                                "network.egress.%s[%zu].to must contain at least one destination when "
                                "specified",
                                which, index);
        return no_ports ? mxc_refuse_config(error,
                                          "network.egress.%s[%zu].ports must contain at least one selector "
                                          "when specified",
                                          which, index)
                        : 0;
}

int rules_check_port(const char *which, size_t rule, size_t index, MxcProtocol protocol, long port, long end,
                MxcError *error) {
        const char *complaint = port == 0               ? ".port must be between 1 and 65535"
                                : end == 0              ? ".endPort must be between 1 and 65535"
                                : end > 0 && port < 0   ? ".endPort requires port"
                                : end > 0 && end < port ? ".endPort must be greater than or equal to port"
                                : protocol == MXC_ICMP && port >= 0
                                                ? " cannot specify port or endPort for protocol='icmp'"
                                                : NULL;
        return complaint ? mxc_refuse_config(error, "network.egress.%s[%zu].ports[%zu]%s", which, rule,
                                           index, complaint)
                         : 0;
}

/* What a proxy's URL must be, whoever names it. */
static int take_url(const Tree *text, const char *where, ProxyUrl *u, MxcError *error) {
        const char *why = NULL;
        if (strlen(text->text) != text->size)
                return mxc_refuse_config(error, "%s is invalid: invalid character", where);
        int r = proxy_url_parse(text->text, u, &why);
        if (r == -EINVAL)
                return mxc_refuse_config(error, "%s is invalid: %s", where, why);
        if (r < 0)
                return r;
        if (!streq(u->scheme, "http") && !streq(u->scheme, "https"))
                return mxc_refuse_config(error, "%s must use the 'http' or 'https' scheme (got '%s'): %s",
                                where, u->scheme, u->shown);
        return u->has_port ? 0
                           : mxc_refuse_config(error,
                                             "%s must include a port (e.g., http://localhost:8080), got: %s",
                                             where, u->shown);
}

static int refuse_credentials(const ProxyUrl *u, const char *where, MxcError *error) {
        return mxc_refuse_config(error,
                        "%s must not carry credentials ('%s'). LXC and Bubblewrap pass the proxy URL to the "
                        "sandbox helper as a command-line "
                        "argument (lxc-attach --set-var, bwrap --setenv), and process arguments are "
                        "world-readable through "
                        "/proc/<pid>/cmdline, so the password would be visible to every local user while "
                        "the command runs. Use a proxy that "
                        "does not require inline credentials, or supply them to the proxy itself rather "
                        "than through the URL.",
                        where, u->shown);
}

static int keep_url(const Tree *url, const char *where, bool loopback, MxcProxy *ret, MxcError *error) {
        ProxyUrl u = { 0 };
        int r = take_url(url, where, &u, error);
        if (r == 0 && loopback && !streq(u.host, "localhost") && !streq(u.host, "127.0.0.1") &&
                        !streq(u.host, "::1"))
                r = mxc_refuse_config(error, "%s must use localhost, 127.0.0.1, or [::1]", where);
        if (r == 0 && u.credentials)
                r = refuse_credentials(&u, loopback ? where : "network.proxy.url", error);
        if (r == 0 && u.port == 0)
                r = mxc_refuse_config(error, "%s must be a port between 1 and 65535: %s", where, u.shown);
        if (r == 0) {
                ret->kind = MXC_PROXY_URL;
                ret->https = streq(u.scheme, "https");
                ret->host = TAKE_PTR(u.host);
                ret->port = u.port;
        }
        proxy_url_clear(&u);
        return r;
}

int rules_take_proxy(const Tree *localhost, const Tree *url, const Tree *test_server, MxcProxy *ret,
                MxcError *error) {
        if (test_server && !test_server->truth)
                return mxc_refuse_config(error, "network.proxy.builtinTestServer must be true when present");
        if (test_server && (localhost || url))
                return mxc_refuse_config(error, "When network.proxy.builtinTestServer is true, no other "
                                                "proxy options may be set");
        if (!test_server && !localhost && !url)
                return mxc_refuse_config(
                                error, "network.proxy must specify builtinTestServer, localhost, or url");
        if (test_server) {
                ret->kind = MXC_PROXY_TEST_SERVER;
                return 0;
        }
        if (!localhost)
                return keep_url(url, "network.proxy", false, ret, error);
        if (localhost->number == 0)
                return mxc_refuse_config(
                                error, "network.proxy.localhost must be a port between 1 and 65535");
        *ret = (MxcProxy){
                .kind = MXC_PROXY_LOCALHOST, .host = strdup("localhost"), .port = (uint16_t)localhost->number
        };
        return ret->host ? 0 : -ENOMEM;
}

int rules_take_runtime_proxy(const Tree *url, MxcNetwork *n, MxcError *error) {
        int r = keep_url(url, "runtimeConfig.networkProxy", true, &n->proxy, error);
        if (r == 0 && (n->egress.allow || n->egress.n_allow_rules > 0 || n->egress.n_deny_rules > 0))
                r = mxc_refuse_config(error,
                                "runtimeConfig.networkProxy requires network.egress.default='deny' "
                                "with no direct allow or deny rules");
        return r;
}

static int check_block(const char *text, NetCidr *ret, MxcError *error, const char *where) {
        BlockComplaint room;
        const char *complaint = block_parse(text, false, ret, &room);
        return complaint ? mxc_refuse_config(error, "%s must be a valid network CIDR: %s", where, complaint)
                         : 0;
}

int rules_check_peer(const char *which, size_t rule, size_t index, const MxcPeer *peer, MxcError *error) {
        NetCidr block, except;
        char cidr[96], inner[128];
        (void)snprintf(cidr, sizeof(cidr), "network.egress.%s[%zu].to[%zu].cidr", which, rule, index);
        int r = check_block(peer->cidr, &block, error, cidr);
        for (size_t i = 0; r == 0 && i < 2 * peer->except.n; i++) { /* first whether all are blocks */
                size_t n = i % peer->except.n;
                (void)snprintf(inner, sizeof(inner), "network.egress.%s[%zu].to[%zu].except[%zu]", which,
                                rule, index, n);
                r = check_block(peer->except.items[n], &except, error, inner);
                if (r == 0 && i != n && !cidr_covers(&block, &except))
                        r = mxc_refuse_config(error, "%s must be contained within %s", inner, cidr);
        }
        return r;
}

static int check_legacy_proxy(const MxcConfig *c, MxcError *error) {
        const MxcNetwork *n = &c->network;
        if (n->proxy.kind == MXC_PROXY_NONE || c->phase != MXC_ONE_SHOT ||
                        (c->containment != MXC_PROCESS && c->containment != MXC_BUBBLEWRAP))
                return 0;
        if (n->enforcement != MXC_CAPABILITIES)
                return mxc_refuse_config(error, "Bubblewrap: network.proxy cannot be combined with "
                                                "network.enforcementMode='firewall' or 'both'. The "
                                                "cooperative env-var proxy enforces hosts at the proxy "
                                                "layer; iptables-based enforcement requires privilege "
                                                "and is mutually exclusive.");
        if (n->proxy.kind != MXC_PROXY_TEST_SERVER &&
                        (!n->allow || n->allowed_hosts.n > 0 || n->blocked_hosts.n > 0))
                return mxc_refuse_config(error, "Bubblewrap: an external network.proxy (url/localhost) "
                                                "cannot be combined with allowedHosts, blockedHosts, or "
                                                "defaultPolicy='block'. The external proxy is expected to "
                                                "enforce its own host policy; MXC does not forward "
                                                "host lists to it. Use 'network.proxy.builtinTestServer: "
                                                "true' (testing only) for MXC-enforced host "
                                                "filtering, or remove the host policy.");
        return 0;
}

int rules_check_all(MxcConfig *c, MxcError *error) {
        return c->network.directional ? 0 : check_legacy_proxy(c, error);
}
