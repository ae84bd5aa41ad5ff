//# sourceMappingURL=Reservation.js.map
