/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The agent that means harm: probe ACT WORD… tries one thing inside the cage and prints one word: ok, the name of the errno, or
 * what it found. Static, so that it runs where nothing else does. What is done with the answer is the tests' business. */

#include <sys/types.h>

typedef struct Act {
        const char *name;
        int n;                 /* words that must be there */
        void (*act)(char **w); /* ends the process with an answer; w ends with NULL */
} Act;

extern const Act call_acts[], file_acts[], process_acts[]; /* each ends with one that has no name */

_Noreturn void answer(long result);        /* below zero: errno */
_Noreturn void say(const char *word);
_Noreturn void answer_child(pid_t pid);    /* ok, exit N, or the signal that ended it */
unsigned long number(const char *word);
