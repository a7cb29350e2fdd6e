/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mxc-config.h"

#include "array.h"
#include "contract.h"
#include "rules.h"
#include "text-list.h"
#include "tree.h"
#include "utf8.h"

DEFINE_CLEANUP(Tree *, tree_clear);

const char *mxc_containment_word(MxcContainment containment) {
        return mxc_containment_words[containment];
}

const char *mxc_phase_word(MxcPhase phase) {
        return mxc_phase_words[phase];
}

static void clear_rules(MxcRule *rules, size_t n) {
        for (size_t i = 0; i < n; i++) {
                for (size_t k = 0; k < rules[i].n_to; k++) {
                        free(rules[i].to[k].cidr);
                        mxc_strings_clear(&rules[i].to[k].except);
                }
                free(rules[i].to);
                free(rules[i].ports);
        }
        free(rules);
}

void mxc_config_free(MxcConfig *c) {
        if (!c)
                return;
        char *texts[] = { c->version, c->container_id, c->sandbox_id, c->correlation_vector, c->command_line,
                c->cwd, c->lxc_distribution, c->lxc_release, c->wslc_image, c->wslc_image_tar, c->app_id,
                c->network.proxy.host };
        MxcStrings *lists[] = { &c->env, &c->readwrite, &c->readonly, &c->denied, &c->network.allowed_hosts,
                &c->network.blocked_hosts, &c->warnings };
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(texts[i]);
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                mxc_strings_clear(lists[i]);
        clear_rules(c->network.egress.allow_rules, c->network.egress.n_allow_rules);
        clear_rules(c->network.egress.deny_rules, c->network.egress.n_deny_rules);
        free(c);
}

/* What follows reads a tree that has passed its shape: types are known, null is nothing. */
static const Tree *get(const Tree *object, const char *key) {
        const Tree *value = object ? tree_get(object, key) : NULL;
        return value && value->kind != TREE_NULL ? value : NULL;
}

static const Tree *get_either(const Tree *object, const char *key, const char *other) {
        const Tree *value = get(object, key);
        return value ? value : get(object, other);
}

static bool take_bool(const Tree *object, const char *key, bool otherwise) {
        const Tree *value = get(object, key);
        return value ? value->truth : otherwise;
}

/* Strings with a NUL in them are refused where they mean something: what follows would see another one. */
static int take_text(const Tree *object, const char *key, const char *path, char **ret, MxcError *error) {
        const Tree *value = get(object, key);
        if (!value)
                return 0;
        if (strlen(value->text) != value->size)
                return mxc_refuse_config(error, "%s must not contain null bytes", path);
        *ret = strdup(value->text);
        return *ret ? 0 : -ENOMEM;
}

static int take_strings(
                const Tree *object, const char *key, const char *path, MxcStrings *ret, MxcError *error) {
        const Tree *list = get(object, key);
        for (size_t i = 0; list && i < list->n_items; i++) {
                if (strlen(list->items[i].text) != list->items[i].size)
                        return mxc_refuse_config(error, "%s[%zu] must not contain null bytes", path, i);
                if (mxc_strings_add(ret, list->items[i].text) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int word_index(const Tree *value, const char *const *words, size_t n) {
        const Tree *word = value->kind == TREE_OBJECT ? &value->items[0] : value;
        for (size_t i = 0; i < n; i++)
                if (words[i] && streq(words[i], word->text))
                        return (int)i;
        return -1;
}

static int take_word(
                const Tree *object, const char *key, const char *const *words, size_t n, int otherwise) {
        const Tree *value = get(object, key);
        return value ? word_index(value, words, n) : otherwise;
}

static MxcContainment read_containment(const Tree *value) {
        const char *word = (value->kind == TREE_OBJECT ? &value->items[0] : value)->text;
        if (streq(word, "appcontainer"))
                return MXC_PROCESS_CONTAINER;
        if (streq(word, "macos_sandbox"))
                return MXC_SEATBELT;
        int index = word_index(value, mxc_containment_words, _MXC_CONTAINMENT_MAX);
        return index < 0 ? MXC_PROCESS : (MxcContainment)index; /* the shape has the same words */
}

static int take_process(const Tree *root, MxcConfig *c, MxcError *error) {
        const Tree *process = get(root, "process"), *timeout = get(process, "timeout");
        c->process_said = process != NULL;
        c->env_said = get(process, "env") != NULL;
        c->inherit_default_env = take_bool(process, "inheritDefaultEnv", false);
        c->timeout_ms = timeout ? (uint32_t)timeout->number : 0;
        int r = take_text(process, "commandLine", "process.commandLine", &c->command_line, error);
        if (r == 0)
                r = take_text(process, "cwd", "process.cwd", &c->cwd, error);
        if (r == 0)
                r = take_strings(process, "env", "process.env", &c->env, error);
        return r;
}

static int take_peer(const Tree *from, const char *which, size_t rule, size_t index, MxcPeer *to,
                MxcError *error) {
        int r = take_text(from, "cidr", "network.egress cidr", &to->cidr, error);
        if (r == 0)
                r = take_strings(from, "except", "network.egress except", &to->except, error);
        return r == 0 ? rules_check_peer(which, rule, index, to, error) : r;
}

static const char *const protocol_words[] = { "tcp", "udp", "icmp", "any" };

static int take_rule(const Tree *from, const char *path, size_t index, MxcRule *rule, MxcError *error) {
        const Tree *to = get(from, "to"), *ports = get(from, "ports");
        int r = rules_check_lists(path, index, to && to->n_items == 0, ports && ports->n_items == 0, error);
        for (size_t i = 0; r == 0 && to && i < to->n_items; i++) {
                MxcPeer *peer = array_append(&rule->to, &rule->n_to, sizeof(MxcPeer));
                r = peer ? take_peer(&to->items[i], path, index, i, peer, error) : -ENOMEM;
        }
        for (size_t i = 0; r == 0 && ports && i < ports->n_items; i++) {
                MxcPort *port = array_append(&rule->ports, &rule->n_ports, sizeof(MxcPort));
                const Tree *first = get(&ports->items[i], "port"), *last = get(&ports->items[i], "endPort");
                if (!port)
                        return -ENOMEM;
                port->protocol = (MxcProtocol)take_word(&ports->items[i], "protocol", protocol_words,
                                ELEMENTSOF(protocol_words), MXC_ANY);
                r = rules_check_port(path, index, i, port->protocol, first ? (long)first->number : -1,
                                last ? (long)last->number : -1, error);
                port->port = first ? (uint16_t)first->number : 0;
                port->end_port = last ? (uint16_t)last->number : port->port;
        }
        return r;
}

static int take_rules(const Tree *egress, const char *key, MxcRule **rules, size_t *n, MxcError *error) {
        const Tree *list = get(egress, key);
        int r = 0;
        for (size_t i = 0; r == 0 && list && i < list->n_items; i++) {
                MxcRule *rule = array_append(rules, n, sizeof(MxcRule));
                r = rule ? take_rule(&list->items[i], key, i, rule, error) : -ENOMEM;
        }
        return r;
}

static int take_directional(const Tree *network, MxcNetwork *n, MxcError *error) {
        static const char *const words[] = { "deny", "allow" };
        const Tree *egress = get(network, "egress"), *ingress = get(network, "ingress");
        n->egress.allow = take_word(egress, "default", words, 2, 0) == 1;
        n->ingress_allow = take_word(ingress, "default", words, 2, 0) == 1;
        n->host_loopback_allow = take_word(ingress, "hostLoopback", words, 2, 0) == 1;
        int r = take_rules(egress, "allow", &n->egress.allow_rules, &n->egress.n_allow_rules, error);
        return r == 0 ? take_rules(egress, "deny", &n->egress.deny_rules, &n->egress.n_deny_rules, error)
                      : r;
}

static int take_legacy(const Tree *network, MxcNetwork *n, MxcError *error) {
        static const char *const defaults[] = { "block", "allow" }, *const modes[] = { "capabilities",
                "firewall", "both" };
        const Tree *proxy = get(network, "proxy");
        n->allow = take_word(network, "defaultPolicy", defaults, 2, 0) == 1;
        n->enforcement = (MxcEnforcement)take_word(network, "enforcementMode", modes, 3, MXC_CAPABILITIES);
        n->local_said = get(network, "allowLocalNetwork") != NULL;
        n->local = take_bool(network, "allowLocalNetwork", false);
        int r = take_strings(network, "allowedHosts", "network.allowedHosts", &n->allowed_hosts, error);
        if (r == 0)
                r = take_strings(network, "blockedHosts", "network.blockedHosts", &n->blocked_hosts, error);
        return r == 0 && proxy ? rules_take_proxy(get(proxy, "localhost"), get(proxy, "url"),
                                                 get(proxy, "builtinTestServer"), &n->proxy, error)
                               : r;
}

static bool says_old(const Tree *network) {
        static const char *const legacy[] = { "defaultPolicy", "enforcementMode", "allowLocalNetwork",
                "allowedHosts", "blockedHosts", "proxy" };
        for (size_t i = 0; i < ELEMENTSOF(legacy); i++)
                if (get(network, legacy[i]))
                        return true;
        return false;
}

static bool says_new(const Tree *root) {
        const Tree *network = get(root, "network");
        return get(network, "egress") || get(network, "ingress") || get(root, "runtimeConfig") ||
               get(get_either(root, "processContainer", "appContainer"), "network");
}

static int take_network(const Tree *root, MxcConfig *c, MxcError *error) {
        const Tree *network = get(root, "network"), *url = get(get(root, "runtimeConfig"), "networkProxy");
        bool old = says_old(network), new = says_new(root);
        int r = rules_check_mix(old, new, error);
        c->network.said = old || new;
        c->network.directional = new || (c->since_0_8 && !old);
        if (r == 0)
                r = c->network.directional ? take_directional(network, &c->network, error)
                                           : take_legacy(network, &c->network, error);
        return r == 0 && url ? rules_take_runtime_proxy(url, &c->network, error) : r;
}

static int take_backends(const Tree *root, MxcConfig *c, MxcError *error) {
        const Tree *experimental = get(root, "experimental"), *lxc = get(root, "lxc");
        const Tree *iso = get_either(root, "isolationSession", "isolation_session");
        const Tree *wslc = get(root, "wslc");
        if (!iso)
                iso = get(experimental, "isolation_session");
        if (!wslc)
                wslc = get(experimental, "wslc");
        const Tree *image = get(wslc, "provision") ? get(wslc, "provision") : wslc;
        int r = take_text(lxc, "distribution", "lxc.distribution", &c->lxc_distribution, error);
        const Tree *ports = get(image, "portMappings");
        c->wslc_ports = ports && ports->n_items > 0;
        if (r == 0)
                r = take_text(lxc, "release", "lxc.release", &c->lxc_release, error);
        if (r == 0)
                r = take_text(image, "image", "wslc.image", &c->wslc_image, error);
        if (r == 0)
                r = take_text(image, "imageTarPath", "wslc.imageTarPath", &c->wslc_image_tar, error);
        if (r == 0)
                r = take_text(get(iso, "provision"), "appId", "isolationSession.provision.appId", &c->app_id,
                                error);
        return r;
}

static void take_switches(const Tree *root, MxcConfig *c) {
        static const char *const clipboards[] = { "none", "read", "write", "all" };
        const Tree *lifecycle = get(root, "lifecycle"), *ui = get(root, "ui");
        const Tree *telemetry = get(root, "telemetry") ? get(root, "telemetry")
                                                       : get(get(root, "experimental"), "telemetry");
        c->destroy_on_exit = take_bool(lifecycle, "destroyOnExit", true);
        c->preserve_policy = take_bool(lifecycle, "preservePolicy", false);
        c->ui_said = ui != NULL;
        c->ui_disable = take_bool(ui, "disable", true);
        c->ui_injection = take_bool(ui, "injection", false);
        c->clipboard = (MxcClipboard)take_word(
                        ui, "clipboard", clipboards, ELEMENTSOF(clipboards), MXC_CLIPBOARD_NONE);
        c->telemetry_said = telemetry != NULL;
        c->telemetry = take_bool(telemetry, "enabled", false);
}

static int take_paths(const Tree *root, MxcConfig *c, MxcError *error) {
        const Tree *filesystem = get(root, "filesystem");
        int r = rules_take_paths(get(filesystem, "readonlyPaths"), &c->readonly, error); /* MXC's order */
        if (r == 0)
                r = rules_take_paths(get(filesystem, "readwritePaths"), &c->readwrite, error);
        return r == 0 ? rules_take_paths(get(filesystem, "deniedPaths"), &c->denied, error) : r;
}

static int take_all(const Tree *root, MxcConfig *c, MxcError *error) {
        const Tree *containment = get(root, "containment");
        int r = take_text(root, "version", "version", &c->version, error);
        if (r == 0)
                r = take_text(root, "containerId", "containerId", &c->container_id, error);
        if (r == 0)
                r = take_text(root, "sandboxId", "sandboxId", &c->sandbox_id, error);
        if (r == 0)
                r = take_text(root, "correlationVector", "correlationVector", &c->correlation_vector, error);
        c->containment_said = containment != NULL;
        c->containment = containment ? read_containment(containment) : MXC_PROCESS;
        if (r == 0)
                r = rules_check_gate(c, says_new(root), error);
        if (r == 0)
                r = rules_check_phase(root, c, error);
        if (r == 0)
                r = take_process(root, c, error);
        if (r == 0)
                r = rules_check_process(c, error);
        if (r == 0)
                r = rules_check_sections(root, c, error);
        if (r == 0)
                r = take_paths(root, c, error);
        if (r == 0)
                r = take_network(root, c, error);
        if (r == 0)
                r = take_backends(root, c, error);
        take_switches(root, c);
        return r == 0 ? rules_check_all(c, error) : r;
}

/* What a text of a closed contract says first: syntax, then which request it is. */
typedef struct Reading {
        const char *text;
        size_t size;
        Tree root;
        TreeFault fault;
        MxcContract contract;
        bool since_0_8;
        MxcPhase phase;
        MxcContainment provision;
} Reading;

static int refuse_at(const Reading *r, size_t offset, MxcError *error, const char *what) {
        size_t line, column;
        tree_position(r->text, offset, &line, &column);
        return mxc_refuse_config(error, "%s at line %zu column %zu", what, line, column);
}

/* declaration: which, for that sentence. */
static int check_string(const Reading *r, const char *declaration, const Tree *t, MxcError *error) {
        _cleanup_free_ char *found = NULL, *what = NULL;
        if (t->kind == TREE_STRING)
                return 0;
        found = shape_describe(t, false);
        if (!found || asprintf(&what, "Invalid %s declaration: invalid type: %s, expected a string",
                                      declaration, found) < 0) {
                what = NULL;
                return -ENOMEM;
        }
        return refuse_at(r, shape_place(t), error, what);
}

static int read_phase(Reading *r, const Tree *phase, MxcError *error) {
        int code = check_string(r, "phase", phase, error);
        if (code < 0)
                return code;
        int index = word_index(phase, mxc_phase_words, _MXC_PHASE_MAX);
        if (index < 0 || strlen(phase->text) != phase->size)
                return mxc_refuse_config(error, "Unsupported phase");
        r->phase = (MxcPhase)index;
        if (r->phase != MXC_PROVISION)
                return 0;
        const Tree *containment = tree_get(&r->root, "containment");
        if (!containment)
                return refuse_at(r, r->root.end, error,
                                "Invalid provision containment declaration: missing field `containment`");
        code = check_string(r, "provision containment", containment, error);
        if (code < 0)
                return code;
        int known = word_index(containment, mxc_containment_words, _MXC_CONTAINMENT_MAX);
        r->provision = known < 0 ? MXC_PROCESS : (MxcContainment)known;
        return contract_shape(r->contract, r->phase, r->provision)
                               ? 0
                               : mxc_refuse_config(error, "Unsupported containment for provision phase");
}

/* The first look of MXC's at such a text skips over strings, and stops before what cannot be in one. */
static size_t fault_at(const Reading *r) {
        return r->fault.at > 0 && strncmp(r->fault.what, "control", 7) == 0 ? r->fault.at - 1 : r->fault.at;
}

static int read_closed(Reading *r, MxcError *error) {
        if (r->fault.what) {
                _cleanup_free_ char *what = NULL;
                if (asprintf(&what, "Invalid version declaration: %s", r->fault.what) < 0) {
                        what = NULL;
                        return -ENOMEM;
                }
                return refuse_at(r, fault_at(r), error, what);
        }
        const Tree *phase = tree_get(&r->root, "phase");
        return phase ? read_phase(r, phase, error) : 0;
}

static const char *prefix_of(const Reading *r) {
        static const char *const prefixes[_MXC_PHASE_MAX] = { "Invalid one-shot request: ",
                "Invalid provision request: ", "Invalid start request: ", "Invalid exec request: ",
                "Invalid stop request: ", "Invalid deprovision request: " };
        if (r->contract == MXC_CONTRACT_LEGACY)
                return "";
        if (r->phase == MXC_PROVISION)
                return r->provision == MXC_WSLC ? "Invalid WSLC provision request: "
                       : r->provision == MXC_WINDOWS_SANDBOX
                                       ? "Invalid Windows Sandbox provision request: "
                                       : "Invalid IsolationSession provision request: ";
        return prefixes[r->phase];
}

static int read_text(Reading *r, MxcError *error) {
        const Tree *version = tree_get(&r->root, "version");
        if (version && version->kind == TREE_STRING && !version->open) {
                if (strlen(version->text) != version->size)
                        return mxc_refuse_config(error, "version must not contain null bytes");
                int error_code = contract_of(version->size > 0 ? version->text : NULL, &r->contract,
                                &r->since_0_8, error);
                if (error_code < 0)
                        return error_code;
        }
        int code = r->contract == MXC_CONTRACT_LEGACY ? 0 : read_closed(r, error);
        if (code < 0)
                return code;
        return shape_check(&(ShapeText){ .text = r->text,
                                           .size = r->size,
                                           .root = &r->root,
                                           .fault = &r->fault,
                                           .prefix = prefix_of(r),
                                           .version = contract_line(r->contract) },
                        contract_shape(r->contract, r->phase, r->provision), error);
}

int mxc_config_parse(const char *text, size_t size, MxcConfig **ret, MxcError *error) {
        Reading r = { .text = text, .size = size };
        if (size > LIMIT_MXC_CONFIG_BYTES)
                return mxc_refuse_config(
                                error, "Configuration is larger than %u bytes", LIMIT_MXC_CONFIG_BYTES);
        if (!utf8_is_valid(text, size))
                return mxc_refuse_config(error, "Configuration is not valid UTF-8");
        int code = tree_read(text, size, LIMIT_MXC_CONFIG_DEPTH, &r.root, &r.fault);
        if (code < 0)
                return code;
        _cleanup_(mxc_config_freep) MxcConfig *c = calloc(1, sizeof(MxcConfig));
        code = c ? read_text(&r, error) : -ENOMEM;
        if (code == 0) {
                c->contract = r.contract;
                c->since_0_8 = r.since_0_8;
                c->phase = r.contract == MXC_CONTRACT_LEGACY
                                           ? (MxcPhase)take_word(&r.root, "phase", mxc_phase_words,
                                                             _MXC_PHASE_MAX, MXC_ONE_SHOT)
                                           : r.phase;
                code = take_all(&r.root, c, error);
        }
        tree_clear(&r.root);
        if (code < 0)
                return code;
        *ret = TAKE_PTR(c);
        return 0;
}

bool mxc_config_asks_for_phase(const char *text, size_t size) {
        Tree root = { 0 };
        TreeFault fault = { 0 };
        if (size > LIMIT_MXC_CONFIG_BYTES || !utf8_is_valid(text, size))
                return false;
        bool asks = tree_read(text, size, LIMIT_MXC_CONFIG_DEPTH, &root, &fault) == 0 && get(&root, "phase");
        tree_clear(&root);
        return asks;
}
