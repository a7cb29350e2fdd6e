/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mxc-request.h"

#include <stdarg.h>

#include "proxy.h"
#include "request-internal.h"
#include "text-list.h"

#define SHELL "/bin/sh"

void mxc_request_free(MxcRequest *r) {
        if (!r)
                return;
        for (char **p = r->argv; p && *p; p++)
                free(*p);
        for (char **p = r->env; p && *p; p++)
                free(*p);
        free(r->argv);
        free(r->env);
        free(r->policy);
        free(r->cwd);
        mxc_strings_clear(&r->warnings);
        mxc_strings_clear(&r->named_paths);
        for (size_t i = 0; i < r->n_needs; i++) {
                free(r->needs[i].target);
                free(r->needs[i].said);
        }
        free(r);
}

/* MXC's processes are ours; its other backends are walls that this mxcd does not build. */
static int check_backend(const Draft *d) {
        const MxcConfig *c = d->config;
        if (c->phase != MXC_ONE_SHOT || c->containment == MXC_PROCESS || c->containment == MXC_BUBBLEWRAP)
                return 0;
        if (c->containment == MXC_LXC && (!c->lxc_distribution || !*c->lxc_distribution || !c->lxc_release ||
                                                         !*c->lxc_release))
                return mxc_refuse(d->error, MXC_BACKEND_ERROR,
                                "LXC distribution and release are required (e.g., \"distribution\": "
                                "\"alpine\", \"release\": \"3.23\")");
        return mxc_refuse(d->error, MXC_BACKEND_UNAVAILABLE,
                        "the '%s' backend is not available on Linux with mxcd, which confines processes "
                        "('process', 'bubblewrap')",
                        mxc_containment_word(c->containment));
}

static int make_argv(const MxcConfig *c, char ***ret) {
        char **argv = calloc(4, sizeof(char *));
        if (!argv)
                return -ENOMEM;
        *ret = argv;
        argv[0] = strdup(SHELL);
        argv[1] = strdup("-c");
        argv[2] = strdup(c->command_line);
        return argv[0] && argv[1] && argv[2] ? 0 : -ENOMEM;
}

/* Where the process begins: where it is told to, or where the caller is, if that is there, or at home, or at the root. Directories that a
 * sandbox has of its own are seen as well, by whoever names them. grants may be NULL: then nothing is known, and mxcd decides. */
static int make_cwd(const Draft *d, const Grants *grants, char **ret) {
        const MxcConfig *c = d->config;
        const char *guesses[] = { d->caller->cwd, d->caller->home };
        if (c->cwd && *c->cwd) {
                _cleanup_free_ char *absolute = NULL;
                if (asprintf(&absolute, "/%s", c->cwd) <
                                0) { /* as bubblewrap does, which is at the root by then */
                        absolute = NULL;
                        return -ENOMEM;
                }
                int r = path_make_normal(absolute, ret);
                return r == -ENAMETOOLONG ? mxc_refuse(d->error, MXC_BACKEND_ERROR,
                                                            "process.cwd is longer than a path can be")
                                          : r;
        }
        for (size_t i = 0; grants && i < ELEMENTSOF(guesses); i++)
                if (guesses[i] && *guesses[i] == '/' &&
                                (grants_of(grants, guesses[i]) != GRANT_DENIED ||
                                                grants_lead_through(grants, guesses[i])))
                        return path_make_normal(guesses[i], ret);
        *ret = grants ? strdup("/") : NULL;
        return grants && !*ret ? -ENOMEM : 0;
}

static int make_process(Draft *d, const Grants *grants, MxcRequest *q, JsonText *section) {
        int r = make_argv(d->config, &q->argv);
        if (r == 0)
                r = environment_make(d, &q->env, section);
        if (r == 0)
                r = make_cwd(d, grants, &q->cwd);
        q->timeout_usec = (uint64_t)d->config->timeout_ms * 1000;
        return r;
}

static void write_ui(const MxcConfig *c, JsonText *to) {
        static const char *const clipboards[_MXC_CLIPBOARD_MAX] = { "none", "read", "write", "all" };
        json_text_key(to, "ui");
        json_text_open(to, '{');
        json_text_key(to, "disable");
        json_text_bool(to, c->ui_disable);
        json_text_member(to, "clipboard", clipboards[c->clipboard]);
        json_text_key(to, "injection");
        json_text_bool(to, c->ui_injection);
        json_text_close(to, '}');
}

static int make_policy(const Draft *d, const Grants *grants, const JsonText *process,
                const JsonText *network, char **ret) {
        JsonText policy = { 0 };
        json_text_open(&policy, '{');
        json_text_member(&policy, "schema", "mxc-policy/1");
        json_text_member(&policy, "containment", "process");
        json_text_key(&policy, "filesystem");
        grants_write(grants, &policy);
        write_ui(d->config, &policy);
        json_text_key(&policy, "network");
        json_text_put(&policy, network);
        json_text_key(&policy, "process");
        if (process)
                json_text_put(&policy, process);
        else { /* of a provision: its processes come later, and each with an environment of its own */
                json_text_open(&policy, '{');
                json_text_member(&policy, "syscalls", "build");
                json_text_close(&policy, '}');
        }
        json_text_close(&policy, '}');
        int r = json_text_end(&policy, ret);
        return r == -EILSEQ ? mxc_refuse(d->error, MXC_POLICY_VALIDATION,
                                              "a path that the configuration leads to is not UTF-8: no "
                                              "policy can name it")
                            : r;
}

/* ---- what it cannot do without ---- */

/* Takes said; NULL: no memory was had for it. */
static int add_need(MxcRequest *q, const char *action, const char *target, uint16_t port, char *said) {
        MxcNeed *need = &q->needs[q->n_needs++]; /* each is asked for once */
        *need = (MxcNeed){ .action = action, .target = strdup(target), .port = port, .said = said };
        return need->target && said ? 0 : -ENOMEM;
}

_printf_(1, 2) static char *text_of(const char *format, ...) {
        char *text = NULL;
        va_list arguments;
        va_start(arguments, format);
        int n = vasprintf(&text, format, arguments);
        va_end(arguments);
        return n < 0 ? NULL : text;
}

/* What a sandbox has whatever its policy says. */
static bool is_its_own(const char *path) {
        return streq(path, "/") || streq(path, "/tmp") || streq(path, "/var/tmp");
}

int mxc_request_need_writing(MxcRequest *q, const char *path, const char *said) {
        return q->n_needs < MXC_NEEDS_MAX ? add_need(q, "write", path, 0, strdup(said)) : -E2BIG;
}

/* What the configuration itself does not give is not lost: that shows when it runs, as ever. A directory that was guessed may be lost. */
static int need_places(const Draft *d, const Grants *grants, MxcRequest *q) {
        const char *said = q->cwd ? d->config->cwd : NULL; /* a provision has no process, whatever it says */
        int r = 0;
        if (said && *said && !is_its_own(q->cwd) && grants_of(grants, q->cwd) != GRANT_DENIED)
                r = add_need(q, "read", q->cwd, 0,
                                text_of("process.cwd '%s' is not there for the command", said));
        if (r == 0 && grants_of(grants, SHELL) != GRANT_DENIED)
                r = add_need(q, "exec", SHELL, 0,
                                text_of(q->argv ? "process.commandLine cannot be run by %s"
                                                : "no process.commandLine can be run by %s",
                                                SHELL));
        return r;
}

/* Which bound forbids it, and by which clause, mxcd says. */
static int need_proxy(const Draft *d, MxcRequest *q) {
        const MxcProxy *proxy = &d->config->network.proxy;
        if (proxy->kind != MXC_PROXY_URL && proxy->kind != MXC_PROXY_LOCALHOST)
                return 0;
        const bool v6 = strchr(proxy->host, ':');
        return add_need(q, "connect", network_proxy_host(proxy), proxy->port,
                        text_of("the proxy %s%s%s:%u, which is all that can be reached, cannot be connected "
                                "to",
                                        v6 ? "[" : "", proxy->host, v6 ? "]" : "", proxy->port));
}

static int name_paths(const Grants *g, MxcStrings *ret) {
        int r = 0;
        for (size_t i = 0; i < g->n && r == 0; i++)
                if (g->items[i].said && g->items[i].grant != GRANT_DENIED)
                        r = mxc_strings_add(ret, g->items[i].path);
        return r;
}

static int make_sections(Draft *d, Grants *grants, MxcRequest *q, JsonText *process, JsonText *network) {
        const MxcConfig *c = d->config;
        bool with_policy = c->phase == MXC_ONE_SHOT || c->phase == MXC_PROVISION,
             with_process = c->phase != MXC_PROVISION;
        int r = with_policy || c->phase == MXC_EXEC
                                ? check_backend(d)
                                : mxc_refuse(d->error, MXC_UNSUPPORTED_PHASE,
                                                  "a '%s' request has neither a policy nor a process",
                                                  mxc_phase_word(c->phase));
        if (r == 0 && with_policy)
                r = network_make(d, network);
        if (r == 0 && with_policy)
                r = grants_make(d, grants);
        if (r == 0 && with_process)
                r = make_process(d, with_policy ? grants : NULL, q, process);
        if (r < 0 || !with_policy)
                return r;
        q->names_loopback = d->names_loopback;
        r = name_paths(grants, &q->named_paths);
        if (r == 0)
                r = need_proxy(d, q);
        if (r == 0)
                r = need_places(d, grants, q);
        return r == 0 ? make_policy(d, grants, with_process ? process : NULL, network, &q->policy) : r;
}

static int make_all(Draft *d, Grants *grants, MxcRequest *q) {
        _cleanup_(json_text_clear) JsonText process = { 0 }, network = { 0 };
        return make_sections(d, grants, q, &process, &network);
}

int mxc_request_make(const MxcConfig *c, const MxcCaller *caller, MxcRequest **ret, MxcError *error) {
        Draft d = { .config = c, .caller = caller, .error = error };
        Grants grants = { 0 };
        _cleanup_(mxc_request_freep) MxcRequest *q = calloc(1, sizeof(MxcRequest));
        int r = q ? 0 : -ENOMEM;
        for (size_t i = 0; r == 0 && i < c->warnings.n; i++)
                r = mxc_strings_add(&d.warnings, c->warnings.items[i]);
        if (r == 0)
                r = make_all(&d, &grants, q);
        grants_clear(&grants);
        if (r < 0) {
                mxc_strings_clear(&d.warnings);
                return r;
        }
        q->warnings = d.warnings;
        *ret = TAKE_PTR(q);
        return 0;
}
