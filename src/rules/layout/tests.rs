//! Every rule of the layout, caught and not caught.
