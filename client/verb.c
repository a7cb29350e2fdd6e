/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verb.h"

#include <stdarg.h>

#include "say.h"
#include "status.h"

#define HELP_COLUMN 28 /* where what an option does begins */
#define VERB_COLUMN 38

enum {
        OPTION_HELP = 1000,
        OPTION_HOST,
        OPTION_NO_ASK_PASSWORD,
        OPTION_JSON,
        OPTION_NO_LEGEND,
        OPTION_FULL,
        OPTION_NO_PAGER
};

Settings settings;

static const struct {
        unsigned takes; /* any of these bits; 0: every verb */
        Option option;
} commons[] = {
        { 0, { OPTION_HELP, 'h', "help", NULL, "Show this help" } },
        { VERB_HOST, { OPTION_HOST, 'H', "host", "HOST", "Ask the mxcd of another machine, through ssh" } },
        { VERB_ASKS, { OPTION_NO_ASK_PASSWORD, '\0', "no-ask-password", NULL,
                                     "Do not let polkit ask on this terminal" } },
        { VERB_TABLE | VERB_OBJECT | VERB_RUNS,
                        { OPTION_JSON, '\0', "json", "[MODE]", "Print JSON: pretty, short, or off" } },
        { VERB_TABLE, { OPTION_NO_LEGEND, '\0', "no-legend", NULL, "Print neither headings nor counts" } },
        { VERB_TABLE, { OPTION_FULL, 'l', "full", NULL, "Cut nothing short" } },
        { VERB_TABLE | VERB_OBJECT,
                        { OPTION_NO_PAGER, '\0', "no-pager", NULL, "Do not pipe the output into a pager" } },
};

/* The commons that this verb takes; valid until the next call. */
static const Option *commons_of(const Verb *v) {
        static Option table[ELEMENTSOF(commons) + 1];
        size_t n = 0;
        for (size_t i = 0; i < ELEMENTSOF(commons); i++)
                if (commons[i].takes == 0 || commons[i].takes & v->takes)
                        table[n++] = commons[i].option;
        table[n] = (Option){ 0 };
        return table;
}

int verb_misused(const Verb *v, const char *format, ...) {
        _cleanup_free_ char *sentence = NULL;
        va_list ap;
        va_start(ap, format);
        if (vasprintf(&sentence, format, ap) < 0)
                sentence = NULL;
        va_end(ap);
        say("%s", sentence ? sentence : "out of memory");
        say("see `mxcctl%s%s%s%s --help`", v->noun ? " " : "", v->noun ? v->noun : "", *v->name ? " " : "",
                        v->name);
        return v->trouble != 0 ? v->trouble : STATUS_TROUBLE;
}

/* How many characters: printf() counts bytes. */
static int characters(const char *s) {
        int n = 0;
        for (; *s; s++)
                n += ((unsigned char)*s & 0xc0) != 0x80;
        return n;
}

static void help_option(const Option *row) {
        char left[128];
        int n = snprintf(left, sizeof left, "  %c%c%s --%s", row->letter ? '-' : ' ',
                        row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name);
        if (row->value && n > 0 && (size_t)n < sizeof left)
                (void)snprintf(left + n, sizeof left - (size_t)n, row->value[0] == '[' ? "[=%s" : "=%s",
                                row->value + (row->value[0] == '['));
        if (characters(left) >= HELP_COLUMN)
                printf("%s\n%*s%s\n", left, HELP_COLUMN, "", row->help);
        else
                printf("%s%*s%s\n", left, HELP_COLUMN - characters(left), "", row->help);
}

static void help_verb(const Verb *v) {
        _cleanup_free_ char *left = NULL;
        if (asprintf(&left, "  %s%s%s", v->name, *v->arguments ? " " : "", v->arguments) < 0)
                left = NULL;
        printf("%s%*s %s\n", left ? left : v->name, VERB_COLUMN - characters(left ? left : v->name), "",
                        v->summary);
}

void verb_help(const Verb *v) {
        printf("mxcctl%s%s%s%s [OPTION…]%s%s\n\n%s.\n", v->noun ? " " : "", v->noun ? v->noun : "",
                        *v->name ? " " : "", v->name, *v->arguments ? " " : "", v->arguments, v->summary);
        if (v->details)
                printf("\n%s\n", v->details);
        if (v->verbs)
                printf("\n");
        for (const Verb *w = v->verbs; w && w->name; w++)
                help_verb(w);
        printf("\n");
        for (const Option *row = v->options; row && row->id; row++)
                help_option(row);
        for (const Option *row = v->more_options; row && row->id; row++)
                help_option(row);
        for (const Option *row = commons_of(v); row->id; row++)
                help_option(row);
        printf("\nSee mxcctl(1).\n");
}

void verb_begin(const Verb *v, Options *o, char **argv) {
        o->tables[0] = v->options;
        o->tables[1] = v->more_options;
        o->tables[2] = commons_of(v);
        options_begin(o, argv, v->in_order);
}

static int set_json(const Verb *v, const char *mode) {
        if (!mode || streq(mode, "pretty"))
                settings.json = JSON_PRETTY;
        else if (streq(mode, "short"))
                settings.json = JSON_SHORT;
        else if (streq(mode, "off"))
                settings.json = JSON_OFF;
        else
                return verb_misused(v, "--json=%s: it is pretty, short or off", mode);
        return 0;
}

int verb_next(const Verb *v, Options *o, int *ret_status) {
        for (;;) {
                int id = options_next(o), status = 0;
                switch (id) {
                case -EINVAL:
                        status = verb_misused(v, "%s", o->error);
                        break;
                case OPTION_HELP:
                        verb_help(v);
                        *ret_status = STATUS_OK;
                        return -ECANCELED;
                case OPTION_HOST:
                        settings.host = o->value;
                        break;
                case OPTION_NO_ASK_PASSWORD:
                        settings.no_ask_password = true;
                        break;
                case OPTION_JSON:
                        status = set_json(v, o->value);
                        break;
                case OPTION_NO_LEGEND:
                        settings.no_legend = true;
                        break;
                case OPTION_FULL:
                        settings.full = true;
                        break;
                case OPTION_NO_PAGER:
                        settings.no_pager = true;
                        break;
                default:
                        return id;
                }
                if (status != 0) {
                        *ret_status = status;
                        return -EINVAL;
                }
        }
}

int verb_words(const Verb *v, Options *o, size_t min, size_t max, int *ret_status) {
        int r = verb_next(v, o, ret_status);
        if (r < 0)
                return r;
        if (o->n_words >= min && o->n_words <= max)
                return 0;
        if (o->n_words > max)
                *ret_status = verb_misused(v, "'%s' is too much: it takes %s", o->argv[max],
                                *v->arguments ? v->arguments : "no arguments");
        else
                *ret_status = verb_misused(v, "something is missing: it takes %s", v->arguments);
        return -EINVAL;
}

const Verb *verb_find(const Verb *verbs, const char *name, const char *noun) {
        const char *names[64] = { NULL };
        size_t n = 0;
        for (const Verb *v = verbs; v->name; v++) {
                if (streq(v->name, name))
                        return v;
                if (n + 1 < ELEMENTSOF(names))
                        names[n++] = v->name;
        }
        const char *near = nearest_name(name, names);
        if (near)
                say("there is no verb '%s'; did you mean %s?", name, near);
        else
                say("there is no verb '%s'", name);
        say("see `mxcctl%s%s --help`", noun ? " " : "", noun ? noun : "");
        return NULL;
}

int verb_run(const Verb *v, char **argv) {
        if (v->verbs) {
                const Verb *w = v->verbs; /* what is meant where nothing is said */
                if (argv[0] && (streq(argv[0], "--help") || streq(argv[0], "-h"))) {
                        verb_help(v);
                        return STATUS_OK;
                }
                if (argv[0] && argv[0][0] != '-')
                        w = verb_find(v->verbs, *argv++, *v->name ? v->name : NULL);
                if (!w)
                        return STATUS_TROUBLE;
                Verb named = *w;
                named.noun = *v->name ? v->name : NULL;
                return verb_run(&named, argv);
        }
        Options o;
        verb_begin(v, &o, argv);
        return v->run(v, &o);
}
