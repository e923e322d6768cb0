/*
 * table: text in aligned columns. Cells are made safe for a terminal; the last column is not
 * padded.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_MAX_COLUMNS 12

struct table {
	size_t n_columns, n_cells, cap;
	char **cells;
};

/* Foreign text must not steer the terminal: control characters as \xNN. The caller frees. */
char *table_printable(const char *text);
/* With the headings as first row. */
void table_init(struct table *table, const char *const *headings, size_t n_columns);
/* Appends the next cell, row by row; NULL and "" show as "-". */
void table_cell(struct table *table, const char *text);
void table_cellf(struct table *table, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints all rows and frees the table. */
void table_print(struct table *table, FILE *out);

#endif
