/* A library that programs load, and that does nothing to them. */
int imagelib_idle;
