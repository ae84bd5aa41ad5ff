// Everything below the space but tab and line ends, and DEL: they have no meaning in a text and forge terminals.
export const CONTROL_CHARACTERS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;
