/* Fletcher-32 (J. Fletcher, 1982) over 16-bit little-endian words. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

static uint32_t fletcher32(const unsigned char *data, Py_ssize_t length)
{
    uint32_t low = 0xffff, high = 0xffff;

    for (Py_ssize_t i = 0; i < length; i += 2) {
        uint32_t word = data[i];
        if (i + 1 < length)
            word |= (uint32_t)data[i + 1] << 8;
        low = (low + word) % 0xffff;
        high = (high + low) % 0xffff;
    }
    return high << 16 | low;
}

static PyObject *checksum(PyObject *self, PyObject *args)
{
    Py_buffer buffer;

    if (!PyArg_ParseTuple(args, "y*", &buffer))
        return NULL;
    uint32_t sum = fletcher32(buffer.buf, buffer.len);
    PyBuffer_Release(&buffer);
    return PyLong_FromUnsignedLong(sum);
}

static PyMethodDef methods[] = {
    {"fletcher32", checksum, METH_VARARGS, "Return the Fletcher-32 checksum of some bytes."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "plimsoll_checksum", "Checksums in C.", -1, methods,
};

PyMODINIT_FUNC PyInit_plimsoll_checksum(void)
{
    return PyModule_Create(&module);
}
