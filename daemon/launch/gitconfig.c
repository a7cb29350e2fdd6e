/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "cleanup.h"
#include "gitconfig.h"
#include "limits.h"

typedef struct Reader {
        const char *at, *end;
        char word[32]; /* a section or a name, in small letters; longer ones are none of ours */
        bool sub;      /* the section has a subsection */
        char *value;   /* no longer than the text is */
        size_t n;
} Reader;

/* A line may end in CR LF. -1 at the end. */
static int next(Reader *r) {
        if (r->at == r->end)
                return -1;
        if (r->at[0] == '\r' && r->end - r->at > 1 && r->at[1] == '\n')
                r->at++;
        return (unsigned char)*r->at++;
}

static int peek(Reader *r) {
        const char *at = r->at;
        int c = next(r);
        r->at = at;
        return c;
}

static bool is_blank(int c) {
        return c == ' ' || c == '\t' || c == '\r';
}

static void skip_line(Reader *r) {
        for (int c = next(r); c >= 0 && c != '\n';)
                c = next(r);
}

static void take_word(Reader *r, const char *others) {
        size_t n = 0;
        for (int c; (c = peek(r)) >= 0 && (isalnum(c) || (c && strchr(others, c))); (void)next(r))
                if (n < sizeof(r->word))
                        r->word[n++] = (char)tolower(c);
        r->word[n < sizeof(r->word) ? n : 0] = 0; /* what does not fit is none of ours */
}

/* Behind the "[". False: it is none. */
static bool take_section(Reader *r) {
        take_word(r, "-.");
        r->sub = strchr(r->word, '.') != NULL;
        r->word[strcspn(r->word, ".")] = 0;
        while (peek(r) == ' ' || peek(r) == '\t')
                (void)next(r);
        int c = next(r);
        if (c != '"')
                return c == ']';
        r->sub = true;
        while ((c = next(r)) != '"') {
                if (c == '\\')
                        c = next(r);
                if (c < 0 || c == '\n')
                        return false;
        }
        return next(r) == ']';
}

static void put(Reader *r, int c) {
        r->value[r->n++] = (char)c;
}

static int unescape(int c) {
        switch (c) {
        case 't':
                return '\t';
        case 'b':
                return '\b';
        case 'n':
                return '\n';
        case '\\':
        case '"':
                return c;
        default:
                return -1;
        }
}

/* Behind the "=", up to the end of the line. False: it is none. */
static bool take_value(Reader *r) {
        bool quoted = false;
        size_t kept = 0; /* blanks behind that do not count */
        for (r->n = 0;;) {
                int c = next(r);
                if (c < 0 || c == '\n') {
                        r->n = kept;
                        return !quoted;
                }
                if (!quoted && is_blank(c)) {
                        if (r->n > 0)
                                put(r, c);
                        continue;
                }
                if (!quoted && (c == ';' || c == '#')) {
                        skip_line(r);
                        r->n = kept;
                        return true;
                }
                if (c == '"') {
                        quoted = !quoted;
                        kept = r->n; /* blanks before it do */
                        continue;
                }
                if (c == '\\') {
                        c = next(r);
                        if (c == '\n')
                                continue;
                        c = unescape(c);
                        if (c < 0)
                                return false;
                }
                put(r, c);
                kept = r->n;
        }
}

/* "*": whatever it is called. A name that is longer than a word is the empty one, and no other's. */
static const struct {
        const char *section, *name;
        enum { NO_SUB = 1, SUB = 2, EITHER = 3 } sub;
        GitconfigKey key;
} keys[] = {
        { "core", "hookspath", NO_SUB, GITCONFIG_TRUSTED },
        { "core", "attributesfile", NO_SUB, GITCONFIG_TRUSTED },
        { "init", "templatedir", NO_SUB, GITCONFIG_TRUSTED },
        { "core", "worktree", NO_SUB, GITCONFIG_WORKTREE },
        { "include", "path", NO_SUB, GITCONFIG_INCLUDE },
        { "includeif", "path", SUB, GITCONFIG_INCLUDE },
        { "core", "alternaterefscommand", NO_SUB, GITCONFIG_COMMAND },
        { "core", "editor", NO_SUB, GITCONFIG_COMMAND },
        { "core", "fsmonitor", NO_SUB, GITCONFIG_COMMAND },
        { "core", "pager", NO_SUB, GITCONFIG_COMMAND },
        { "core", "sshcommand", NO_SUB, GITCONFIG_COMMAND },
        { "browser", "cmd", SUB, GITCONFIG_COMMAND },
        { "diff", "command", SUB, GITCONFIG_COMMAND },
        { "diff", "external", NO_SUB, GITCONFIG_COMMAND },
        { "diff", "textconv", SUB, GITCONFIG_COMMAND },
        { "difftool", "cmd", SUB, GITCONFIG_COMMAND },
        { "filter", "clean", SUB, GITCONFIG_COMMAND },
        { "filter", "process", SUB, GITCONFIG_COMMAND },
        { "filter", "smudge", SUB, GITCONFIG_COMMAND },
        { "gc", "recentobjectshook", NO_SUB, GITCONFIG_COMMAND },
        { "gpg", "defaultkeycommand", SUB, GITCONFIG_COMMAND },
        { "guitool", "cmd", SUB, GITCONFIG_COMMAND },
        { "hook", "command", SUB, GITCONFIG_COMMAND },
        { "imap", "tunnel", EITHER, GITCONFIG_COMMAND },
        { "interactive", "difffilter", NO_SUB, GITCONFIG_COMMAND },
        { "lfs", "clean", SUB, GITCONFIG_COMMAND },
        { "lfs", "smudge", SUB, GITCONFIG_COMMAND },
        { "man", "cmd", SUB, GITCONFIG_COMMAND },
        { "merge", "driver", SUB, GITCONFIG_COMMAND },
        { "mergetool", "cmd", SUB, GITCONFIG_COMMAND },
        { "pager", "*", EITHER, GITCONFIG_COMMAND },
        { "remote", "receivepack", SUB, GITCONFIG_COMMAND },
        { "remote", "uploadpack", SUB, GITCONFIG_COMMAND },
        { "sendemail", "cccmd", EITHER, GITCONFIG_COMMAND },
        { "sendemail", "headercmd", EITHER, GITCONFIG_COMMAND },
        { "sendemail", "sendmailcmd", EITHER, GITCONFIG_COMMAND },
        { "sendemail", "tocmd", EITHER, GITCONFIG_COMMAND },
        { "sequence", "editor", NO_SUB, GITCONFIG_COMMAND },
        { "tar", "command", SUB, GITCONFIG_COMMAND },
        { "trailer", "cmd", SUB, GITCONFIG_COMMAND },
        { "trailer", "command", SUB, GITCONFIG_COMMAND },
        { "uploadpack", "packobjectshook", NO_SUB, GITCONFIG_COMMAND },
        { "alias", "*", EITHER, GITCONFIG_BANG },
        { "credential", "helper", EITHER, GITCONFIG_BANG },
        { "submodule", "update", SUB, GITCONFIG_BANG },
        { "browser", "path", SUB, GITCONFIG_PROGRAM },
        { "core", "askpass", NO_SUB, GITCONFIG_PROGRAM },
        { "core", "gitproxy", NO_SUB, GITCONFIG_PROGRAM },
        { "difftool", "path", SUB, GITCONFIG_PROGRAM },
        { "gpg", "program", EITHER, GITCONFIG_PROGRAM },
        { "lfs", "path", SUB, GITCONFIG_PROGRAM },
        { "man", "path", SUB, GITCONFIG_PROGRAM },
        { "mergetool", "path", SUB, GITCONFIG_PROGRAM },
        { "sendemail", "smtpserver", EITHER, GITCONFIG_PROGRAM },
};

static GitconfigKey key_of(const char *section, bool sub, const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i].section, section) && keys[i].sub & (sub ? SUB : NO_SUB) &&
                                (keys[i].name[0] == '*' || streq(keys[i].name, name)))
                        return keys[i].key;
        return _GITCONFIG_KEY_MAX;
}

static bool is_command(GitconfigKey key) {
        return key == GITCONFIG_COMMAND || key == GITCONFIG_BANG;
}

static int tell(Reader *r, const char *section, bool sub, GitconfigFound found, void *data) {
        GitconfigKey key = key_of(section, sub, r->word);
        if (key == _GITCONFIG_KEY_MAX || (r->n > LIMIT_PATH_BYTES && !is_command(key)))
                return 0;
        r->value[r->n] = 0;
        return r->value[0] ? found(data, key, r->value) : 0;
}

int gitconfig_parse(const char *text, size_t size, GitconfigFound found, void *data) {
        static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8 */
        _cleanup_free_ char *value = malloc(size + 1);
        Reader r = { .at = text, .end = text + size, .value = value };
        char section[sizeof(r.word)] = "";
        bool sub = false;
        if (!value)
                return -ENOMEM;
        if (size >= 3 && memcmp(text, mark, 3) == 0)
                r.at += 3;
        for (int c; (c = next(&r)) >= 0;) {
                if (is_blank(c) || c == '\n')
                        continue;
                if (c == '#' || c == ';') {
                        skip_line(&r);
                } else if (c == '[') {
                        if (!take_section(&r))
                                return 0;
                        memcpy(section, r.word, sizeof(section));
                        sub = r.sub;
                } else {
                        if (!isalpha(c))
                                return 0;
                        r.at--;
                        take_word(&r, "-");
                        while (peek(&r) == ' ' || peek(&r) == '\t')
                                (void)next(&r);
                        c = next(&r);
                        if (c == '\n' || c < 0)
                                continue; /* true */
                        if (c != '=' || !take_value(&r))
                                return 0;
                        int q = tell(&r, section, sub, found, data);
                        if (q < 0)
                                return q;
                }
        }
        return 0;
}
