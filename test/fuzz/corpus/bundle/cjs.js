export default require_x();
