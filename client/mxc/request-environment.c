/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "limits.h"
#include "request-internal.h"
#include "text-list.h"

/* The policy passes the names, and the values travel with the request: a policy is on record, and values are nobody's business. */

static const char *const defaults[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "TERM=xterm-256color" };
static const char *const proxied[] = { "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "http_proxy",
        "https_proxy", "all_proxy", "ftp_proxy" };
static const char *const unproxied[] = { "NO_PROXY", "no_proxy" };

static size_t name_size(const char *entry) {
        return strcspn(entry, "=");
}

/* As in common/policy-env.c: what a policy can name. */
static bool name_is_good(const char *name, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)name[i]) && name[i] != '_')
                        return false;
        return n > 0 && n <= LIMIT_POLICY_ENV_NAME_BYTES && !isdigit((unsigned char)*name);
}

static bool same_name(const char *a, const char *b) {
        return name_size(a) == name_size(b) && strncmp(a, b, name_size(a)) == 0;
}

static bool is_managed(const char *entry) {
        for (size_t i = 0; i < ELEMENTSOF(proxied); i++)
                if (same_name(entry, proxied[i]))
                        return true;
        return same_name(entry, unproxied[0]) || same_name(entry, unproxied[1]);
}

/* The last of a name counts. Each is compared with all: there are at most as many as a request may have. */
static int set(MxcStrings *env, const char *entry) {
        for (size_t i = 0; i < env->n; i++)
                if (same_name(env->items[i], entry)) {
                        char *copy = strdup(entry);
                        if (!copy)
                                return -ENOMEM;
                        free(env->items[i]);
                        env->items[i] = copy;
                        return 0;
                }
        return mxc_strings_add(env, entry);
}

static int take(Draft *d, MxcStrings *env, const char *entry, bool proxy) {
        size_t n = name_size(entry);
        if (!entry[n])
                return 0; /* as MXC does */
        if (n == 0)
                return mxc_refuse(d->error, MXC_BACKEND_ERROR, "process.env: an entry has no name");
        if (proxy && is_managed(entry))
                return 0;
        if (!name_is_good(entry, n))
                return mxc_strings_addf(&d->warnings,
                                "process.env: '%.*s' is no name of a variable, and is left out", (int)n,
                                entry);
        return set(env, entry);
}

static int take_proxy(const MxcProxy *proxy, MxcStrings *env) {
        _cleanup_free_ char *url = network_proxy_url(proxy);
        if (!url)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(proxied); i++)
                if (mxc_strings_addf(env, "%s=%s", proxied[i], url) < 0)
                        return -ENOMEM;
        return 0;
}

static int fill(Draft *d, MxcStrings *env) {
        const MxcConfig *c = d->config;
        const MxcProxyKind kind = c->network.proxy.kind;
        bool proxy = kind == MXC_PROXY_LOCALHOST || kind == MXC_PROXY_URL;
        int r = c->env.n <= LIMIT_ENV ? 0
                                      : mxc_refuse(d->error, MXC_MALFORMED_REQUEST,
                                                        "process.env has more than %u entries", LIMIT_ENV);
        if (r == 0 && c->contract != MXC_CONTRACT_LEGACY && (!c->env_said || c->inherit_default_env))
                for (size_t i = 0; r == 0 && i < ELEMENTSOF(defaults); i++)
                        r = set(env, defaults[i]);
        for (size_t i = 0; r == 0 && i < c->env.n; i++)
                r = take(d, env, c->env.items[i], proxy);
        return r == 0 && proxy ? take_proxy(&c->network.proxy, env) : r;
}

/* More than a policy can name: then all that are offered, which are these. */
static void write_passed(const MxcStrings *env, JsonText *to) {
        json_text_key(to, "environment");
        json_text_open(to, '{');
        if (env->n > LIMIT_POLICY_ENV)
                json_text_member(to, "pass", "all");
        else {
                json_text_key(to, "pass");
                json_text_open(to, '[');
                for (size_t i = 0; i < env->n; i++)
                        json_text_string(to, env->items[i], name_size(env->items[i]));
                json_text_close(to, ']');
        }
        json_text_close(to, '}');
}

static void write_process(const MxcStrings *env, JsonText *to) {
        json_text_open(to, '{');
        if (env->n > 0)
                write_passed(env, to);
        json_text_member(to, "syscalls", "build");
        json_text_close(to, '}');
}

int environment_make(Draft *d, char ***ret_env, JsonText *to) {
        MxcStrings env = { 0 };
        int r = fill(d, &env);
        char **list = r == 0 ? reallocarray(env.items, env.n + 1, sizeof(char *)) : NULL;
        if (!list) {
                mxc_strings_clear(&env);
                return r < 0 ? r : -ENOMEM;
        }
        env.items = list;
        list[env.n] = NULL;
        write_process(&env, to);
        *ret_env = list;
        return 0;
}
