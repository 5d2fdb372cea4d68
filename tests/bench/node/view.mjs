// A document as the functions show it: its id as text, dates as RFC 3339; hides nothing.
export const view = ({ _id, ...rest }) => ({ id: _id, ...rest });
