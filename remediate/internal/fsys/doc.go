// Package fsys reads files below a root directory and is the only place that
// writes managed ones. Writers never use a path twice: they open the parent
// directory once, component by component and refusing every symbolic link, and
// then work with *at system calls on that descriptor, so that nobody can swap
// a directory under them.
package fsys
