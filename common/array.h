/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stddef.h>

/* Grows *array (a pointer to a pointer to elements) by one zeroed element, which is returned; NULL when out of memory. */
void *array_append(void *array, size_t *n, size_t element_size);
