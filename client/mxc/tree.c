/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree.h"

#include "utf8.h"

typedef struct Reader {
        const char *text;
        size_t size, at;
        unsigned depth; /* that is left */
        TreeFault fault;
} Reader;

void tree_clear(Tree *t) {
        for (size_t i = 0; i < t->n_items; i++)
                tree_clear(&t->items[i]);
        free(t->items);
        free(t->text);
        *t = (Tree){ 0 };
}

void tree_position(const char *text, size_t offset, size_t *ret_line, size_t *ret_column) {
        size_t line = 1, begin = 0;
        for (size_t i = 0; i < offset; i++)
                if (text[i] == '\n') {
                        line++;
                        begin = i + 1;
                }
        *ret_line = line;
        *ret_column = offset - begin;
}

bool tree_is(const Tree *string, const char *text) {
        return string->kind == TREE_STRING && strlen(text) == string->size && streq(string->text, text);
}

const Tree *tree_get(const Tree *object, const char *key) {
        for (size_t i = 0; object && object->kind == TREE_OBJECT && i + 1 < object->n_items; i += 2)
                if (tree_is(&object->items[i], key))
                        return &object->items[i + 1];
        return NULL;
}

static int peek(const Reader *r) {
        return r->at < r->size ? (unsigned char)r->text[r->at] : -1;
}

static int skip_space(Reader *r) {
        while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\n' || peek(r) == '\r')
                r->at++;
        return peek(r);
}

/* The text is not good from here on: behind what was read, or behind the next character. */
static int fault_here(Reader *r, const char *what) {
        r->fault = (TreeFault){ .what = what, .at = r->at };
        return -EINVAL;
}

static int fault_next(Reader *r, const char *what) {
        r->fault = (TreeFault){ .what = what, .at = r->at < r->size ? r->at + 1 : r->at };
        return -EINVAL;
}

static int read_word(Reader *r, const char *word) {
        for (; *word; word++, r->at++) {
                if (peek(r) < 0)
                        return fault_here(r, "EOF while parsing a value");
                if (peek(r) != *word) {
                        r->at++;
                        return fault_here(r, "expected ident");
                }
        }
        return 0;
}

static int hex_digit(int c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

static int read_hex4(Reader *r, uint32_t *ret) {
        uint32_t value = 0;
        bool bad = false;
        if (r->size - r->at < 4) {
                r->at = r->size;
                return fault_here(r, "EOF while parsing a string");
        }
        for (unsigned i = 0; i < 4; i++) {
                int digit = hex_digit(peek(r));
                bad = bad || digit < 0;
                value = value << 4 | (uint32_t)(digit < 0 ? 0 : digit);
                r->at++;
        }
        if (bad)
                return fault_here(r, "invalid escape");
        *ret = value;
        return 0;
}

static int read_unicode(Reader *r, uint32_t *ret) {
        uint32_t high, low;
        int error = read_hex4(r, &high);
        if (error < 0)
                return error;
        if (high >= 0xdc00 && high <= 0xdfff)
                return fault_here(r, "lone leading surrogate in hex escape");
        if (high < 0xd800 || high > 0xdbff) {
                *ret = high;
                return 0;
        }
        if (peek(r) < 0)
                return fault_here(r, "EOF while parsing a string");
        if (r->text[r->at++] != '\\')
                return fault_here(r, "unexpected end of hex escape");
        if (peek(r) < 0)
                return fault_here(r, "EOF while parsing a string");
        if (r->text[r->at++] != 'u')
                return fault_here(r, "unexpected end of hex escape");
        error = read_hex4(r, &low);
        if (error < 0)
                return error;
        if (low < 0xdc00 || low > 0xdfff)
                return fault_here(r, "lone leading surrogate in hex escape");
        *ret = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
        return 0;
}

static int read_escape(Reader *r, char **to) {
        static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
        if (peek(r) < 0)
                return fault_here(r, "EOF while parsing a string");
        int c = r->text[r->at++];
        const char *found = c ? strchr(plain, c) : NULL;
        if (found) {
                *(*to)++ = meant[found - plain];
                return 0;
        }
        if (c != 'u')
                return fault_here(r, "invalid escape");
        uint32_t code = 0;
        int error = read_unicode(r, &code);
        if (error < 0)
                return error;
        *to += utf8_put(code, *to);
        return 0;
}

/* Of a string, as far as its closing quote, or to the end of the text. */
static size_t string_size(const Reader *r) {
        size_t at = r->at;
        while (at < r->size && r->text[at] != '"')
                at += r->text[at] == '\\' && r->size - at > 1 ? 2 : 1;
        return at - r->at;
}

/* Behind its first quote. */
static int read_string(Reader *r, Tree *t) {
        t->text = malloc(string_size(r) + 1); /* no escape is shorter than what it stands for */
        if (!t->text)
                return -ENOMEM;
        char *to = t->text;
        for (;;) {
                int c = peek(r);
                if (c < 0)
                        return fault_here(r, "EOF while parsing a string");
                r->at++;
                if (c == '"')
                        break;
                if (c < 0x20)
                        return fault_here(r,
                                        "control character (\\u0000-\\u001F) found while parsing a string");
                int error = 0;
                if (c == '\\')
                        error = read_escape(r, &to);
                else
                        *to++ = (char)c;
                if (error < 0)
                        return error;
        }
        *to = '\0';
        t->size = (size_t)(to - t->text);
        return 0;
}

static bool is_digit(int c) {
        return c >= '0' && c <= '9';
}

static int read_digits(Reader *r) {
        if (!is_digit(peek(r))) {
                if (peek(r) < 0)
                        return fault_here(r, "EOF while parsing a value");
                r->at++;
                return fault_here(r, "invalid number");
        }
        while (is_digit(peek(r)))
                r->at++;
        return 0;
}

static int read_fraction(Reader *r) {
        int error = 0;
        if (peek(r) == '.') {
                r->at++;
                error = is_digit(peek(r)) || peek(r) < 0 ? read_digits(r) : fault_next(r, "invalid number");
        }
        if (error == 0 && (peek(r) == 'e' || peek(r) == 'E')) {
                r->at++;
                if (peek(r) == '+' || peek(r) == '-')
                        r->at++;
                error = read_digits(r);
        }
        return error;
}

static int read_number(Reader *r, Tree *t) {
        t->truth = peek(r) == '-';
        r->at += t->truth;
        if (peek(r) == '0') {
                r->at++;
                if (is_digit(peek(r)))
                        return fault_next(r, "invalid number");
        } else {
                int error = read_digits(r);
                if (error < 0)
                        return error;
        }
        size_t integer = r->at;
        int error = read_fraction(r);
        if (error < 0)
                return error;
        t->kind = r->at == integer ? TREE_INTEGER : TREE_FLOAT;
        for (size_t i = t->begin + t->truth; i < integer; i++) {
                unsigned digit = (unsigned)(r->text[i] - '0');
                if (t->number > (UINT64_MAX - digit) / 10)
                        t->kind = TREE_FLOAT; /* as serde_json reads what no integer holds */
                else
                        t->number = t->number * 10 + digit;
        }
        if (t->truth && t->number > (uint64_t)INT64_MAX + 1)
                t->kind = TREE_FLOAT;
        t->text = strndup(r->text + t->begin, r->at - t->begin);
        return t->text ? 0 : -ENOMEM;
}

static int read_value(Reader *r, Tree *t);

/* There is room for a power of two, so that a long list is not copied for each of its elements. */
static Tree *append(Tree *t) {
        if ((t->n_items & (t->n_items - 1)) == 0) {
                Tree *grown = reallocarray(t->items, t->n_items == 0 ? 1 : 2 * t->n_items, sizeof(Tree));
                if (!grown)
                        return NULL;
                t->items = grown;
        }
        Tree *item = &t->items[t->n_items++];
        *item = (Tree){ 0 };
        return item;
}

/* Behind its bracket. */
static int read_array(Reader *r, Tree *t) {
        for (bool first = true;; first = false) {
                int c = skip_space(r);
                if (c == ']') {
                        r->at++;
                        return 0;
                }
                if (c < 0)
                        return fault_here(r, "EOF while parsing a list");
                if (!first) {
                        if (c != ',')
                                return fault_next(r, "expected `,` or `]`");
                        r->at++;
                        if (skip_space(r) == ']')
                                return fault_next(r, "trailing comma");
                        if (peek(r) < 0)
                                return fault_here(r, "EOF while parsing a value");
                }
                Tree *item = append(t);
                int error = item ? read_value(r, item) : -ENOMEM;
                if (error < 0)
                        return error;
        }
}

static int read_key(Reader *r, Tree *key) {
        key->kind = TREE_STRING;
        key->begin = r->at++;
        key->open = true;
        int error = read_string(r, key);
        if (error < 0)
                return error;
        key->open = false;
        key->end = r->at;
        return 0;
}

static int read_colon(Reader *r) {
        int c = skip_space(r);
        if (c < 0)
                return fault_here(r, "EOF while parsing an object");
        if (c != ':')
                return fault_next(r, "expected `:`");
        r->at++;
        return 0;
}

static int read_member(Reader *r, Tree *t) {
        Tree *key = append(t);
        int error = key ? read_key(r, key) : -ENOMEM;
        if (error == 0)
                error = read_colon(r);
        Tree *value = error == 0 ? append(t) : NULL;
        if (error == 0 && !value)
                error = -ENOMEM;
        return error == 0 ? read_value(r, value) : error;
}

/* Behind its brace. */
static int read_object(Reader *r, Tree *t) {
        for (bool first = true;; first = false) {
                int c = skip_space(r);
                if (c == '}') {
                        r->at++;
                        return 0;
                }
                if (c < 0)
                        return fault_here(r, "EOF while parsing an object");
                if (!first) {
                        if (c != ',')
                                return fault_next(r, "expected `,` or `}`");
                        r->at++;
                        c = skip_space(r);
                        if (c == '}')
                                return fault_next(r, "trailing comma");
                        if (c < 0)
                                return fault_here(r, "EOF while parsing a value");
                }
                if (c != '"')
                        return fault_next(r, "key must be a string");
                int error = read_member(r, t);
                if (error < 0)
                        return error;
        }
}

static int read_nested(Reader *r, Tree *t, TreeKind kind) {
        t->kind = kind;
        if (r->depth == 0)
                return fault_next(r, "recursion limit exceeded");
        r->depth--;
        r->at++;
        int error = kind == TREE_ARRAY ? read_array(r, t) : read_object(r, t);
        r->depth++;
        return error;
}

static int read_any(Reader *r, Tree *t, int c) {
        switch (c) {
        case '{':
                return read_nested(r, t, TREE_OBJECT);
        case '[':
                return read_nested(r, t, TREE_ARRAY);
        case '"':
                t->kind = TREE_STRING;
                r->at++;
                return read_string(r, t);
        case 't':
        case 'f':
                t->kind = TREE_BOOL;
                t->truth = c == 't';
                return read_word(r, c == 't' ? "true" : "false");
        case 'n':
                t->kind = TREE_NULL;
                return read_word(r, "null");
        default:
                return c == '-' || is_digit(c) ? read_number(r, t) : fault_next(r, "expected value");
        }
}

static int read_value(Reader *r, Tree *t) {
        int c = skip_space(r);
        *t = (Tree){ .begin = r->at, .open = true };
        if (c < 0)
                return fault_here(r, "EOF while parsing a value");
        int error = read_any(r, t, c);
        if (error < 0)
                return error;
        t->open = false;
        t->end = r->at;
        return 0;
}

int tree_read(const char *text, size_t size, unsigned depth, Tree *ret, TreeFault *ret_fault) {
        Reader r = { .text = text, .size = size, .depth = depth };
        Tree root = { 0 };
        int error = read_value(&r, &root);
        if (error == 0 && skip_space(&r) >= 0)
                error = fault_next(&r, "trailing characters");
        if (error == -ENOMEM) {
                tree_clear(&root);
                return error;
        }
        *ret = root;
        *ret_fault = r.fault;
        return 0;
}
