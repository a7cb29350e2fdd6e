/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "upstream-file.h"

#include <openssl/evp.h>

#include "array.h"
#include "cleanup.h"
#include "config-file.h"
#include "json.h"
#include "net-rule.h"

void upstream_file_clear(UpstreamFile *f) {
        upstream_clear(&f->upstream);
        free(f->file);
        free(f->error);
        free(f->digest);
        *f = (UpstreamFile){ .number = 0 };
}

/* ---- upstream.json ---- */

static int read_schema(const JsonSource *source, const JsonPlace *place, json_t *value, const char *schema) {
        int word;
        return json_read_word(source, place, value, &schema, 1, &word);
}

static int set_schema(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return read_schema(source, place, value, "mxc-upstream/1");
}

static int set_host(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Upstream *u = userdata;
        const char *text;
        int r = json_read_text(source, place, value, LIMIT_HOST_BYTES, &text);
        if (r < 0)
                return r;
        if (!upstream_host_is_good(text))
                return json_refuse(source, place,
                                "must be a host name in lower case, or an address, and no URL");
        u->host = strdup(text);
        return u->host ? 0 : -ENOMEM;
}

static int set_port(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        uint64_t port;
        int r = json_read_integer(source, place, value, 1, UINT16_MAX, &port);
        if (r == 0)
                ((Upstream *)userdata)->port = (uint16_t)port;
        return r;
}

static int add_direct(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        Upstream *u = userdata;
        const char *text;
        char canonical[LIMIT_HOST_BYTES + 1];
        int r = json_read_text(source, place, value, LIMIT_HOST_BYTES + 1, &text);
        if (r < 0)
                return r;
        const char *complaint = host_canonical(text, true, canonical);
        if (complaint)
                return json_refuse(source, place, "%s", complaint);
        _cleanup_free_ char *copy = strdup(canonical);
        char **item = copy ? array_append(&u->direct, &u->n_direct, sizeof(char *)) : NULL;
        if (!item)
                return -ENOMEM;
        *item = TAKE_PTR(copy);
        return 0;
}

static int set_direct(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return json_apply_list(source, place, value, UPSTREAM_DIRECT_MAX, add_direct, userdata);
}

static int read_all(const JsonSource *source, const JsonKey *keys, size_t n_keys, const char *const *needed,
                void *userdata) {
        json_auto_t *value = NULL;
        int r = json_load_strict(source, &value);
        if (r == 0)
                r = json_apply_object(source, NULL, value, keys, n_keys, userdata);
        for (; r == 0 && *needed; needed++)
                if (!json_object_get(value, *needed))
                        r = json_refuse(source, NULL, "has no \"%s\"", *needed);
        return r;
}

static int parse_proxy(const JsonSource *source, Upstream *u) {
        static const JsonKey keys[] = { { "schema", set_schema }, { "host", set_host }, { "port", set_port },
                { "direct", set_direct } };
        static const char *const needed[] = { "schema", "host", "port", NULL };
        return read_all(source, keys, ELEMENTSOF(keys), needed, u);
}

/* ---- upstream-login.json ---- */

typedef struct Login {
        char *user, *password;
} Login;

static void login_clear(Login *l) {
        for (size_t i = 0; i < 2; i++) {
                char *s = i == 0 ? l->user : l->password;
                if (s)
                        explicit_bzero(s, strlen(s));
                free(s);
        }
}

static int set_login_schema(
                const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return read_schema(source, place, value, "mxc-upstream-login/1");
}

static int read_word(const JsonSource *source, const JsonPlace *place, json_t *value, char **ret) {
        const char *text;
        int r = json_read_text(source, place, value, UPSTREAM_AUTHORIZATION_BYTES / 3, &text);
        if (r < 0)
                return r;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int set_user(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        const char *text = json_string_value(value);
        if (text && strchr(text, ':'))
                return json_refuse(source, place, "must not contain a colon"); /* RFC 7617, 2 */
        return read_word(source, place, value, &((Login *)userdata)->user);
}

static int set_password(const JsonSource *source, const JsonPlace *place, json_t *value, void *userdata) {
        return read_word(source, place, value, &((Login *)userdata)->password);
}

static int parse_login(const JsonSource *source, Upstream *u) {
        static const JsonKey keys[] = { { "schema", set_login_schema }, { "user", set_user },
                { "password", set_password } };
        static const char *const needed[] = { "schema", "user", "password", NULL };
        _cleanup_(login_clear) Login l = { NULL, NULL };
        unsigned char both[UPSTREAM_AUTHORIZATION_BYTES], base64[2 * UPSTREAM_AUTHORIZATION_BYTES];
        int r = read_all(source, keys, ELEMENTSOF(keys), needed, &l);
        if (r < 0)
                return r;
        int n = snprintf((char *)both, sizeof(both), "%s:%s", l.user, l.password);
        (void)EVP_EncodeBlock(base64, both, n); /* cannot fail; 4 bytes for 3 */
        u->authorization = strdup((char *)base64);
        explicit_bzero(both, sizeof(both));
        explicit_bzero(base64, sizeof(base64));
        return u->authorization ? 0 : -ENOMEM;
}

/* ---- both ---- */

/* Takes what was read of f. 1: it was good; 0: it is not, and ret says why. */
static int take(ConfigFile *f, bool secret, int (*parse)(const JsonSource *source, Upstream *u),
                UpstreamFile *ret) {
        PolicyError error = { 0 };
        const JsonSource source = { .text = f->text, .size = f->size, .error = &error, .secret = secret };
        int r = f->error ? -EINVAL : parse(&source, &ret->upstream);
        if (r == -EINVAL) {
                ret->error = f->error ? TAKE_PTR(f->error) : config_error(f->path, &error);
                free(ret->file);
                ret->file = strdup(f->path);
                r = ret->error && ret->file ? 0 : -ENOMEM;
        } else if (r == 0) {
                r = 1;
        }
        policy_error_clear(&error);
        return r;
}

static int load_login(const char *const *dirs, UpstreamFile *ret, char **ret_sentence) {
        _cleanup_(config_file_clear) ConfigFile f = { 0 };
        int r = config_file_load(dirs, "upstream-login", LIMIT_POLICY_BYTES, &f, ret_sentence);
        if (r > 0 && !f.error && f.is_readable_by_others &&
                        asprintf(&f.error,
                                        "%s: others than root may read it; take that away with: chmod go=",
                                        f.path) < 0) {
                f.error = NULL;
                r = -ENOMEM;
        }
        if (r > 0)
                r = take(&f, true, parse_login, ret);
        if (f.text)
                explicit_bzero(f.text, f.size);
        return r < 0 ? r : 0;
}

static int load_proxy(const char *const *dirs, UpstreamFile *ret, char **ret_sentence) {
        _cleanup_(config_file_clear) ConfigFile f = { 0 };
        int r = config_file_load(dirs, "upstream", LIMIT_POLICY_BYTES, &f, ret_sentence);
        if (r <= 0)
                return r;
        ret->file = strdup(f.path);
        if (!ret->file)
                return -ENOMEM;
        r = take(&f, false, parse_proxy, ret);
        if (r <= 0)
                return r;
        ret->upstream.set = true;
        ret->digest = config_digest(f.text, f.size);
        return ret->digest ? load_login(dirs, ret, ret_sentence) : -ENOMEM;
}

/* The last good ones; else one that nobody knows. */
static int recall(const UpstreamFile *before, UpstreamFile *f) {
        upstream_clear(&f->upstream);
        free(f->digest);
        f->digest = before->digest ? strdup(before->digest) : NULL;
        if (before->digest && !f->digest)
                return -ENOMEM;
        if (before->upstream.set)
                return upstream_copy(&before->upstream, &f->upstream);
        f->upstream = (Upstream){ .set = true, .host = strdup("") };
        return f->upstream.host ? 0 : -ENOMEM;
}

int upstream_file_load(const char *const *dirs, const UpstreamFile *before, UpstreamFile *ret,
                char **ret_sentence) {
        _cleanup_(upstream_file_clear) UpstreamFile f = { .number = before->number };
        int r = load_proxy(dirs, &f, ret_sentence);
        if (r == 0 && f.error)
                r = recall(before, &f);
        if (r == 0 && f.upstream.set && !f.upstream.authorization)
                r = (f.upstream.authorization = strdup("")) ? 0 : -ENOMEM;
        if (r < 0)
                return r;
        if (!upstream_equal(&before->upstream, &f.upstream))
                f.number++;
        *ret = f;
        f = (UpstreamFile){ .number = 0 };
        return 0;
}
